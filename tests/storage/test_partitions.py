"""Partitions are made ahead and dropped behind; what has none is caught all the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

from tocsin.storage.record import Record

Owner = psycopg.Connection[dict[str, Any]]
OF_DAY = "SELECT relname FROM pg_class WHERE relname ~ %s AND relkind = 'r' ORDER BY 1"
PARENTS = ("alert_event", "delivery_attempt", "intake")


def partitions(owner: Owner, day: date) -> list[str]:
    return [row["relname"] for row in owner.execute(OF_DAY, [f"_{day:%Y%m%d}$"])]


def of(day: date) -> list[str]:
    return [f"{parent}_{day:%Y%m%d}" for parent in PARENTS]


def make(record: Record, day: date, days: int) -> None:
    with record.claims() as tx:
        tx.run("SELECT make_partitions(%s, %s)", [day, days])


def accept(record: Record, day: date) -> None:
    """Put a batch of that day into the intake."""
    at = datetime.combine(day, time(12), UTC)
    with record.session([1]) as tx:
        tx.run(
            "INSERT INTO intake (tenant, id, received_at, source, alerts, body)"
            " VALUES (1, nextval('intake_id'), %s, 'test', 1, '')",
            [at],
        )


def holds(record: Record, owner: Owner, day: date) -> list[str]:
    found = owner.execute(
        "SELECT tableoid::regclass::text AS name FROM intake WHERE received_at::date = %s", [day]
    )
    return [row["name"] for row in found]


def test_the_migration_leaves_partitions_for_the_days_to_come(owner: Owner) -> None:
    today = datetime.now(UTC).date()
    for ahead in range(-1, 8):
        day = today + timedelta(days=ahead)
        assert partitions(owner, day) == of(day)


def test_partitions_are_made_once_however_often_they_are_asked_for(
    own_record: Record, owner: Owner
) -> None:
    first = date(2031, 1, 1)
    make(own_record, first, 2)
    make(own_record, first, 3)
    for ahead in range(3):
        day = first + timedelta(days=ahead)
        assert partitions(owner, day) == of(day)
    accept(own_record, first)
    assert holds(own_record, owner, first) == ["intake_20310101"]


def test_only_days_before_the_given_one_are_dropped(own_record: Record, owner: Owner) -> None:
    old, kept = date(2001, 1, 1), date(2001, 1, 2)
    make(own_record, old, 2)
    with own_record.claims() as tx:
        assert tx.row("SELECT drop_partitions(%s) AS n", [kept]) == {"n": 3}
    assert partitions(owner, old) == []
    assert partitions(owner, kept) == of(kept)
    accept(own_record, old)  # the default partition is never dropped


def test_what_has_no_partition_is_caught(own_record: Record, owner: Owner) -> None:
    day = date(2032, 1, 1)
    accept(own_record, day)
    assert holds(own_record, owner, day) == ["intake_default"]


def test_days_after_one_that_was_caught_get_their_partitions(
    own_record: Record, owner: Owner
) -> None:
    caught = date(2033, 1, 1)
    accept(own_record, caught)
    make(own_record, caught, 2)
    following = caught + timedelta(days=1)
    assert partitions(owner, following) == of(following)
