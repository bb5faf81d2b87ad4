"""What makes the installation not ready, besides a record that is away and work that waits."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Servers
from tocsin.storage import migrate, progress
from tocsin.storage.record import Record
from tocsin.web import health


@pytest.fixture
def bare(servers: Servers) -> Iterator[Record]:
    """A record that was never migrated."""
    with psycopg.connect(servers.owner_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
        conn.execute("CREATE DATABASE bare")
    record = Record(_of(servers.owner_url, "bare"))
    yield record
    record.close()


def _of(url: str, database: str) -> str:
    head, mark, options = url.partition("?")
    return head.rpartition("/")[0] + f"/{database}" + mark + options


def test_a_database_of_another_version(servers: Servers, record: Record) -> None:
    with psycopg.connect(servers.owner_url, autocommit=True) as conn:
        conn.execute("GRANT SELECT ON alembic_version TO tocsin_app")
        conn.execute("TRUNCATE inbox, timer, delivery")  # what other tests left due
    assert health.why_not(record, migrate.wanted()) == []
    [reason] = health.why_not(record, "9999")
    assert "this version wants 9999" in reason
    assert "tocsin migrate" in reason


def test_loops_of_the_clock_that_stand_still_are_named_and_workers_are_not(
    servers: Servers, record: Record
) -> None:
    with psycopg.connect(servers.owner_url, autocommit=True) as conn:
        conn.execute("TRUNCATE inbox, timer, delivery, progress")
        for loop, seconds in (("clock.sweep", 45), ("clock.fold", 5), ("notify", 900)):
            conn.execute(
                "INSERT INTO progress VALUES ('here/1', %s, now() - make_interval(secs => %s), 7)",
                [loop, seconds],
            )
    try:
        [reason] = health.why_not(record, migrate.wanted())
        assert "loop sweep has stood still for 4" in reason
        assert "is the clock running" in reason
        with record.claims() as tx:
            progress.write(tx, "there/2", [progress.Step("clock.sweep", 1.0, 1)])
        assert health.why_not(record, migrate.wanted()) == []
    finally:
        with psycopg.connect(servers.owner_url, autocommit=True) as conn:
            conn.execute("TRUNCATE progress")


def test_a_database_that_was_never_migrated(bare: Record) -> None:
    [reason] = health.why_not(bare, migrate.wanted())
    assert "never migrated" in reason
