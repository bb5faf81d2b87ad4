"""Draining: poison is found by halving, neighbours get through, only faults count."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from scheduler import housekeeping
from tests.conftest import Servers
from tocsin import errors
from tocsin.storage import inbox, intake
from tocsin.storage.record import Record, Transaction
from workers import drain, progress

Tenant = Callable[[], int]
numbers = itertools.count(1)
PUT = """
INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, own)
SELECT %s, %s, %s, %s, tocsin_now(), name FROM unnest(%s::text[]) AS name
"""
DONE = "SELECT labels FROM tally WHERE name = 'done' ORDER BY labels"


@pytest.fixture(autouse=True)
def _empty(place: Servers) -> Iterator[None]:
    """Nothing waits when the next test begins: a claim takes what it finds, the light first."""
    drain._turns.took(light=False)
    yield
    with psycopg.connect(place.owner_url) as owner:
        owner.execute("TRUNCATE inbox, drain_note")


@pytest.fixture
def stage() -> str:
    """A stage that no other test puts anything into."""
    return f"stage{next(numbers)}"


def put(
    record: Record, tenant: int, stage: str, names: list[str], *, urgent: bool = False,
    alerts: int = 1,
) -> None:  # fmt: skip
    with record.session([tenant]) as tx:
        tx.run(PUT, [tenant, stage, urgent, alerts, names])


def waiting(record: Record, tenant: int, stage: str) -> dict[str, int]:
    """What is in the inbox, with how often each failed."""
    with record.session([tenant]) as tx:
        found = tx.rows("SELECT own, attempts FROM inbox WHERE stage = %s ORDER BY id", [stage])
    return {row["own"]: row["attempts"] for row in found}


def done(record: Record, tenant: int) -> list[str]:
    with record.session([tenant]) as tx:
        return [row["labels"] for row in tx.rows(DONE)]


class Work:
    """Writes a row for each that it was given; fails, as a whole, on poison."""

    def __init__(self, *poison: str) -> None:
        self.poison = set(poison)
        self.sizes: list[int] = []

    def __call__(self, tx: Transaction, rows: drain.Rows) -> None:
        self.sizes.append(len(rows))
        for row in rows:
            tx.run(
                "INSERT INTO tally (tenant, name, labels, value) VALUES (%s, 'done', %s, 1)",
                [row["tenant"], row["own"] or ""],
            )
        if bad := self.poison & {row["own"] for row in rows}:
            raise ValueError(f"{bad} cannot be done")


def claim(
    record: Record, stage: str, alerts: int, rows: int, *, suspects: bool = False,
    heavy: bool = False,
) -> Any:  # fmt: skip
    """What a claim takes; it is put back at once."""
    try:
        with record.claims() as tx:
            taken = inbox.claim(tx, stage, alerts, rows, suspects, heavy)
            raise InterruptedError
    except InterruptedError:
        return taken


def test_halving_goes_on_until_the_poison_stands_alone(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    one, names = tenant(), [f"r{n:02}" for n in range(16)]
    put(workers_record, one, stage, names)
    work = Work("r00")
    assert drain.drain(workers_record, stage, work, 1000)
    assert work.sizes == [16, 8, 4, 2, 1, 15, 1]
    assert done(workers_record, one) == names[1:]
    assert waiting(workers_record, one, stage) == {"r00": 2}


@pytest.mark.parametrize("poison", ["r00", "r07", "r15"])
def test_wherever_the_poison_lies_each_neighbour_is_done_once_and_it_goes_to_quarantine(
    workers_record: Record, tenant: Tenant, stage: str, poison: str
) -> None:
    one, names = tenant(), [f"r{n:02}" for n in range(16)]
    put(workers_record, one, stage, names)
    work = Work(poison)
    while drain.drain(workers_record, stage, work, 1000):
        assert len(work.sizes) < 100
    assert done(workers_record, one) == [name for name in names if name != poison]
    assert waiting(workers_record, one, stage) == {}
    with workers_record.session([one]) as tx:
        assert tx.rows("SELECT alerts FROM quarantine") == [{"alerts": 1}]


def test_the_poison_of_one_tenant_does_not_hold_up_another(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    ill, well = tenant(), tenant()
    put(workers_record, ill, stage, ["bad"])
    put(workers_record, well, stage, ["a", "b"])
    drain.drain(workers_record, stage, Work("bad"), 1000)
    drain.drain(workers_record, stage, Work("bad"), 1000)
    assert done(workers_record, well) == ["a", "b"]


def test_the_fifth_failure_takes_a_batch_into_quarantine_counts_it_and_pages(
    workers_record: Record, tenant: Tenant
) -> None:
    one = tenant()
    with workers_record.session([one]) as tx:
        intake.append_now(tx, intake.Accepted(one, "alertmanager", 7, False, b"sealed"))

    def fails(_: Transaction, rows: drain.Rows) -> None:
        if any(row["intake_id"] for row in rows):
            raise ValueError("with a \0 inside")

    for failures in (2, 3, 4):
        assert drain.drain(workers_record, intake.FIRST, fails, 1000)
        assert waiting(workers_record, one, intake.FIRST) == {None: failures}
    assert drain.drain(workers_record, intake.FIRST, fails, 1000)
    with workers_record.session([one]) as tx:
        (kept,) = tx.rows("SELECT source, field, reason, alerts, body FROM quarantine")
        tallied = tx.rows("SELECT value FROM tally WHERE name = 'alerts_quarantined_total'")
        (own,) = tx.rows("SELECT stage, urgent, own FROM inbox")
    assert (kept["source"], kept["field"], kept["alerts"]) == ("alertmanager", "drain", 7)
    assert kept["reason"] == "ValueError: with a  inside"
    assert bytes(kept["body"]) == b"sealed"
    assert tallied == [{"value": 7.0}]
    assert (own["stage"], own["urgent"]) == ("dedup", True)
    assert "TocsinQuarantined" in own["own"]


def test_poison_in_our_own_alarm_raises_no_further_alarm(
    workers_record: Record, tenant: Tenant
) -> None:
    one = tenant()
    put(workers_record, one, intake.FIRST, ['{"labels": {}, "annotations": {}}'])

    def fails(_: Transaction, rows: drain.Rows) -> None:
        raise ValueError("nothing works for this tenant")

    for _ in range(4):
        drain.drain(workers_record, intake.FIRST, fails, 1000)
    assert waiting(workers_record, one, intake.FIRST) == {}


def test_what_a_dead_worker_held_runs_alone_from_now_on(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    one = tenant()
    put(workers_record, one, stage, ["held", "also held", "free"])
    with workers_record.session([one]) as tx:
        ids = [row["id"] for row in tx.rows("SELECT id FROM inbox ORDER BY id")]
        tx.run("INSERT INTO drain_note VALUES ('dead', %s, now() - interval '16 s')", [ids[:2]])
        tx.run("INSERT INTO drain_note VALUES ('busy', %s, now() - interval '14 s')", [ids[2:]])
    housekeeping.recover(workers_record)
    assert waiting(workers_record, one, stage) == {"held": 1, "also held": 1, "free": 0}
    housekeeping.recover(workers_record)  # a note counts once
    assert waiting(workers_record, one, stage) == {"held": 1, "also held": 1, "free": 0}
    work = Work()
    while drain.drain(workers_record, stage, work, 1000):
        pass
    assert work.sizes == [1, 1]  # what stands in a fresh note is in somebody's hands
    with workers_record.claims() as tx:
        tx.run("DELETE FROM drain_note WHERE worker = 'busy'")
    while drain.drain(workers_record, stage, work, 1000):
        pass
    assert work.sizes == [1, 1, 1]


def test_what_a_worker_held_whose_connection_is_gone_is_suspect_at_once(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    one = tenant()
    put(workers_record, one, stage, ["held", "free"])
    with workers_record.session([one]) as tx:
        ids = [row["id"] for row in tx.rows("SELECT id FROM inbox ORDER BY id")]
        note = "INSERT INTO drain_note VALUES (%s, %s, now(), %s)"
        tx.run(note, ["dead", ids[:1], 2**31 - 1])
    housekeeping.recover(workers_record)
    assert waiting(workers_record, one, stage) == {"held": 1, "free": 0}


def test_of_suspects_those_come_first_that_failed_least(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    put(workers_record, tenant(), stage, ["poison", "innocent"])
    rows = claim(workers_record, stage, 1000, 1000)
    with workers_record.claims() as tx:
        inbox.suspect(tx, [row["id"] for row in rows])
        inbox.suspect(tx, [rows[0]["id"]])
    found = [row["own"] for row in claim(workers_record, stage, 1, 1, suspects=True)]
    assert found == ["innocent"]


def test_a_drain_that_loses_its_connection_leaves_its_rows_to_the_next_at_once(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    put(workers_record, tenant(), stage, ["a"])

    def cut(tx: Transaction, rows: drain.Rows) -> None:
        raise psycopg.OperationalError("the connection is lost")

    with pytest.raises(psycopg.OperationalError):
        drain.drain(workers_record, stage, cut, 1000)
    work = Work()
    while drain.drain(workers_record, stage, work, 1000):
        pass
    assert work.sizes == [1]


def test_suspects_come_only_when_they_are_asked_for_and_one_by_one(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    put(workers_record, tenant(), stage, ["a", "b", "c"])
    first = claim(workers_record, stage, 1000, 1)
    with workers_record.claims() as tx:
        inbox.suspect(tx, [first[0]["id"]])
    assert [row["own"] for row in claim(workers_record, stage, 1000, 1000)] == ["b", "c"]
    assert [row["own"] for row in claim(workers_record, stage, 1, 1, suspects=True)] == ["a"]


def test_a_drain_that_ends_well_leaves_no_note(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    put(workers_record, tenant(), stage, ["a"])
    seen: list[Any] = []

    def work(_: Transaction, rows: drain.Rows) -> None:
        with workers_record.claims() as other:
            seen.extend(other.rows("SELECT 1 AS one FROM drain_note WHERE ids = %s::bigint[]",
                                   [[row["id"] for row in rows]]))  # fmt: skip

    drain.drain(workers_record, stage, work, 1000)
    assert len(seen) == 1
    with workers_record.claims() as tx:
        held = [{"worker": progress.worker(), "ids": []}]
        assert tx.rows("SELECT worker, ids FROM drain_note WHERE worker = %s",
                       [progress.worker()]) == held  # fmt: skip


@pytest.mark.parametrize(
    "again", [psycopg.errors.DeadlockDetected(), psycopg.errors.SerializationFailure(),
              psycopg.errors.LockNotAvailable(), errors.Again()],
)  # fmt: skip
def test_a_race_is_run_again_and_held_against_no_row(
    workers_record: Record, tenant: Tenant, stage: str, again: Exception
) -> None:
    one = tenant()
    put(workers_record, one, stage, ["a", "b"])
    work, races = Work(), iter([again, again])

    def racing(tx: Transaction, rows: drain.Rows) -> None:
        work(tx, rows)
        for race in races:
            raise race

    assert drain.drain(workers_record, stage, racing, 1000)
    assert work.sizes == [2, 2, 2]
    assert done(workers_record, one) == ["a", "b"]


def test_a_record_that_is_away_is_said_so_and_held_against_no_row(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    one = tenant()
    put(workers_record, one, stage, ["a"])

    def away(_: Transaction, rows: drain.Rows) -> None:
        raise errors.RecordAway

    with pytest.raises(errors.RecordAway):
        drain.drain(workers_record, stage, away, 1000)
    assert waiting(workers_record, one, stage) == {"a": 0}


def test_a_connection_that_breaks_is_held_against_no_row(
    place: Servers, workers_record: Record, tenant: Tenant, stage: str
) -> None:
    one = tenant()
    put(workers_record, one, stage, ["a"])

    def cut(tx: Transaction, rows: drain.Rows) -> None:
        with psycopg.connect(place.owner_url) as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 5000)", [tx.conn.info.backend_pid])
        tx.run("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        drain.drain(workers_record, stage, cut, 1000)
    assert waiting(workers_record, one, stage) == {"a": 0}


def kinds(taken: Any) -> set[tuple[int, bool]]:
    return {(row["tenant"], row["light"]) for row in taken}


@pytest.mark.parametrize(("alerts", "rows"), [(5000, drain.ROWS), (5000, 5001), (2, 2)])
def test_who_brings_little_is_taken_first_and_shares_no_transaction_with_a_flood(
    workers_record: Record, tenant: Tenant, stage: str, alerts: int, rows: int
) -> None:
    loud, quiet = tenant(), tenant()
    put(workers_record, loud, stage, [f"f{n}" for n in range(5000)])
    put(workers_record, quiet, stage, ["page"], urgent=True)
    # The tenants come in any order.
    claims = [claim(workers_record, stage, alerts, rows) for _ in range(10)]
    assert [kinds(taken) for taken in claims] == [{(quiet, True)}] * 10
    assert kinds(claim(workers_record, stage, alerts, rows, heavy=True)) == {(loud, False)}


def test_while_another_drain_holds_the_light_ones_the_flood_goes_on(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    loud, quiet = tenant(), tenant()
    put(workers_record, loud, stage, ["f"], alerts=inbox.LIGHT + 1)
    put(workers_record, quiet, stage, ["page"])
    with workers_record.claims() as one, workers_record.claims() as other:
        held = inbox.claim(one, stage, 10, 10, False)
        assert kinds(held) == {(quiet, True)}
        assert kinds(inbox.claim(other, stage, 10, 10, False)) == {(loud, False)}


def test_floods_get_their_turn_however_much_little_work_there_is(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    loud, quiet = tenant(), tenant()
    put(workers_record, loud, stage, [f"f{n}" for n in range(10)], alerts=5 * inbox.LIGHT)
    turns: list[int] = []

    def work(tx: Transaction, rows: drain.Rows) -> None:
        turns.append(rows[0]["tenant"])

    for n in range(6):
        put(workers_record, quiet, stage, [f"q{n}"])
        assert drain.drain(workers_record, stage, work, 2500)
    assert turns == [quiet, loud, quiet, loud, quiet, loud]


def test_a_claim_says_how_much_of_a_flood_waits(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    put(workers_record, tenant(), stage, [f"f{n}" for n in range(8)], alerts=100)
    taken = claim(workers_record, stage, 250, 10)
    assert [row["behind"] for row in taken] == [800] * 3


def test_urgent_rows_come_before_older_ones(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    one = tenant()
    put(workers_record, one, stage, ["old", "older"])
    put(workers_record, one, stage, ["urgent"], urgent=True)
    assert [row["own"] for row in claim(workers_record, stage, 1, 1000)] == ["urgent"]


@pytest.mark.parametrize(("alerts", "rows", "taken"), [(10, 1000, 4), (1000, 3, 3), (1, 1000, 1)])
def test_a_claim_is_bounded_by_rows_and_by_alerts(
    workers_record: Record, tenant: Tenant, stage: str, alerts: int, rows: int, taken: int
) -> None:
    put(workers_record, tenant(), stage, [f"r{n}" for n in range(20)], alerts=3)
    assert len(claim(workers_record, stage, alerts, rows)) == taken


def test_two_drains_at_once_take_different_rows(
    workers_record: Record, tenant: Tenant, stage: str
) -> None:
    put(workers_record, tenant(), stage, ["a", "b", "c"])
    with workers_record.claims() as one, workers_record.claims() as other:
        first = inbox.claim(one, stage, 2, 2, False)
        second = inbox.claim(other, stage, 10, 10, False)
    assert [row["own"] for row in (*first, *second)] == ["a", "b", "c"]


def test_an_empty_stage_is_no_work(workers_record: Record, stage: str) -> None:
    assert not drain.drain(workers_record, stage, Work(), 1000)
