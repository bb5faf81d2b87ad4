"""The way into the record: all or nothing, again after a race, and it says when it is away."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import Servers
from tocsin import errors
from tocsin.storage import figures, record, tallies, tenants, timers
from tocsin.storage.record import AsyncRecord, Record

TALLY = "INSERT INTO tally (tenant, name, labels, value) VALUES (%s, %s, '', 1)"


@pytest.fixture
def tenant(own_record: Record) -> int:
    with own_record.admin() as tx:
        return tenants.create(tx, f"r{uuid.uuid4().hex[:20]}")


def tallied(own_record: Record, tenant: int) -> list[str]:
    with own_record.session([tenant]) as tx:
        return [row["name"] for row in tx.rows("SELECT name FROM tally ORDER BY id")]


def test_an_error_takes_everything_back(own_record: Record, tenant: int) -> None:
    with own_record.session([tenant]) as tx:
        tx.run(TALLY, [tenant, "kept"])

    def lost() -> None:
        with own_record.session([tenant]) as tx:
            tx.run(TALLY, [tenant, "lost"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lost()
    assert tallied(own_record, tenant) == ["kept"]


def test_the_time_is_the_same_throughout_a_transaction(own_record: Record) -> None:
    with own_record.claims() as tx:
        assert tx.row("SELECT tocsin_now() AS now") == {"now": tx.now}


def test_the_same_work_is_done_again_after_races_until_it_succeeds(own_record: Record) -> None:
    races = iter([psycopg.errors.DeadlockDetected(), errors.Again(),
                  psycopg.errors.LockNotAvailable()])  # fmt: skip

    def work() -> str:
        for race in races:
            raise race
        return "done"

    assert own_record.again(work) == "done"


def test_what_is_no_race_is_raised_at_once_and_a_race_without_end_at_last(
    own_record: Record,
) -> None:
    calls: list[int] = []

    def work(error: Exception) -> None:
        calls.append(1)
        raise error

    with pytest.raises(psycopg.errors.AdminShutdown):
        own_record.again(lambda: work(psycopg.errors.AdminShutdown()))
    assert len(calls) == 1
    with pytest.raises(errors.Again):
        own_record.again(lambda: work(errors.Again()))
    assert len(calls) == 1 + record.RETRIES + 1


def test_a_connection_that_was_cut_is_not_used_again(place: Servers, own_record: Record) -> None:
    def cut() -> None:
        with own_record.claims() as tx:
            with psycopg.connect(place.owner_url) as owner:
                owner.execute("SELECT pg_terminate_backend(%s, 5000)", [tx.conn.info.backend_pid])
            tx.run("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        cut()
    with own_record.claims() as tx:
        assert tx.row("SELECT 1 AS one") == {"one": 1}


def test_connections_that_were_cut_while_they_lay_idle_are_nobodys_error(
    place: Servers, own_record: Record
) -> None:
    def pid() -> int:
        with own_record.claims() as tx:
            return int(tx.conn.info.backend_pid)

    known = pid()
    with psycopg.connect(place.owner_url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert pid() != known


def test_a_record_that_does_not_answer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Record("postgresql://tocsin@127.0.0.1:1/nowhere")
    monkeypatch.setattr(away._pool, "timeout", 0.01)
    with pytest.raises(errors.RecordAway), away.claims():
        raise AssertionError("there is nobody there")
    away.close()


def test_a_transaction_that_stands_still_is_ended_for_the_sake_of_the_others(
    own_record: Record,
) -> None:
    with own_record.claims() as tx:
        shown = {name: tx.row(f"SHOW {name}") for name in record.SESSION}
    assert [list((row or {}).values()) for row in shown.values()] == [
        [value] for value in record.SESSION.values()
    ]


async def _through(own: AsyncRecord, tenant: int, name: str, error: Exception | None) -> Any:
    async with own.session([tenant]) as conn:
        await conn.execute(TALLY, [tenant, name])
        if error:
            raise error
        found = await conn.execute("SELECT pg_backend_pid() AS pid")
        row = await found.fetchone()
        assert row is not None
        return row["pid"]


def test_the_event_loops_record_keeps_its_connection_until_an_error(
    place: Servers, own_record: Record, tenant: int
) -> None:
    async def story() -> None:
        own = AsyncRecord(place.database_url)
        first = await _through(own, tenant, "a", None)
        assert await _through(own, tenant, "b", None) == first
        with pytest.raises(ZeroDivisionError):
            await _through(own, tenant, "lost", ZeroDivisionError())
        assert await _through(own, tenant, "c", None) != first
        await own.close()

    asyncio.run(story())
    assert tallied(own_record, tenant) == ["a", "b", "c"]


def test_counters_add_up_folded_or_not(own_record: Record, tenant: int) -> None:
    def write(value: float) -> None:
        with own_record.session([tenant]) as tx:
            some = tallies.Tallies()
            some.add(tenant, "pages", "ops", "web", value=value)
            some.took(tenant, "critical", timedelta(seconds=0.3), times=2)
            some.write(tx)

    def read() -> dict[str, float]:
        with own_record.session([tenant]) as tx:
            rows = figures.counters(tx, tenant)
        return {f"{row['name']} {row['labels']}": row["value"] for row in rows}

    duration = tallies.DURATION
    write(2)
    unfolded = read()
    with own_record.claims() as tx:
        tx.run("SELECT fold_tallies()")
    assert read() == unfolded
    assert tallied(own_record, tenant) == []
    write(3)
    assert read() == {
        "pages ops|web": 5,
        f"{duration} critical|0.5": 4,
        f"{duration}_sum critical": pytest.approx(1.2),
    }


def test_a_timer_is_put_off_only_on_purpose(own_record: Record, tenant: int) -> None:
    with own_record.session([tenant]) as tx:

        def at(minutes: int) -> dict[str, Any]:
            return {"tenant": tenant, "subject": "s", "due_at": tx.now + timedelta(minutes=minutes)}

        def due() -> list[Any]:
            found = tx.rows("SELECT due_at FROM timer WHERE tenant = %s", [tenant])
            return [(row["due_at"] - tx.now) / timedelta(minutes=1) for row in found]

        timers.earlier(tx, "flush", [at(5)])
        timers.earlier(tx, "flush", [at(9)])
        assert due() == [5]
        timers.earlier(tx, "flush", [at(2)])
        assert due() == [2]
        timers.exactly(tx, "flush", [at(9)])
        assert due() == [9]
        assert timers.still_due(tx, "flush", ["s"]) == {}
        timers.exactly(tx, "flush", [at(0)])
        assert timers.still_due(tx, "flush", ["s"]) == {(tenant, "s"): tx.now}
        timers.drop(tx, "flush", [at(0)])
        assert due() == []
