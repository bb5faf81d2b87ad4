"""A database of its own for tests that claim work of all tenants or travel in time."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.conftest import BLANK, Servers


def fresh(servers: Servers, name: str) -> Servers:
    """The same servers with an empty, migrated database of this name."""
    owner = _made(servers, name, f' TEMPLATE "{BLANK}"')
    return replace(servers, owner_url=owner, database_url=_named(servers.database_url, name))


def empty(servers: Servers, name: str) -> str:
    """A database without tables; returns the owner's URL of it."""
    return _made(servers, name)


def _made(servers: Servers, name: str, how: str = "") -> str:
    with psycopg.connect(servers.owner_url, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"{how}'.encode())
    return _named(servers.owner_url, name)


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
