"""A database of its own: these tests put rows of their own making into every table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests import databases
from tests.conftest import Servers
from tocsin.storage.record import Record


@pytest.fixture(scope="session")
def place(servers: Servers) -> Servers:
    return databases.fresh(servers, "storage")


@pytest.fixture(scope="session")
def own_record(place: Servers) -> Iterator[Record]:
    opened = Record(place.database_url)
    yield opened
    opened.close()


@pytest.fixture
def owner(place: Servers) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The login that owns the tables."""
    with psycopg.connect(place.owner_url, autocommit=True, row_factory=dict_row) as conn:
        yield conn
