"""A database of its own: a sweep rings for whatever is due there."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests import databases
from tests.conftest import Servers
from tocsin.storage.record import Record
from workers import enqueue


class Bell(enqueue.Bell):
    """A bell that notes who was rung."""

    def __init__(self) -> None:
        super().__init__("redis://127.0.0.1:1/0")
        self.rung: list[tuple[str, str]] = []

    def ring(self, actor: str, queue: str) -> bool:
        self.rung.append((actor, queue))
        return True


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture(scope="session")
def place(servers: Servers) -> Servers:
    return databases.fresh(servers, "scheduler")


@pytest.fixture(scope="session")
def opened(place: Servers) -> Iterator[Record]:
    record = Record(place.database_url)
    yield record
    record.close()


@pytest.fixture
def own_record(place: Servers, opened: Record) -> Iterator[Record]:
    """The record, with nothing in it that is due."""
    yield opened
    with psycopg.connect(place.owner_url) as owner:
        owner.execute("TRUNCATE inbox, timer, delivery, lookup, tally, counter, drain_note")
