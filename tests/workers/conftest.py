"""A database and a Redis database of their own: these tests claim whatever waits there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests import databases
from tests.conftest import Servers
from tocsin.storage import tenants
from tocsin.storage.record import Record
from workers.broker import client

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def place(servers: Servers) -> Servers:
    return databases.fresh(servers, "workers")


@pytest.fixture(scope="session")
def workers_record(place: Servers) -> Iterator[Record]:
    opened = Record(place.database_url)
    yield opened
    opened.close()


@pytest.fixture
def tenant(workers_record: Record) -> Callable[[], int]:
    """Makes a tenant."""

    def make() -> int:
        with workers_record.admin() as tx:
            return tenants.create(tx, f"w{next(numbers)}")

    return make


@pytest.fixture
def redis_url(servers: Servers) -> Iterator[str]:
    """An empty database of the Valkey server."""
    url = f"{servers.redis_url}?db=5"
    with client(url) as connection:
        connection.flushdb()
        yield url
        connection.flushdb()
