"""Loops write down that they go round, cheaply, and one that stands still can be told from it."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
import watchfiles

from scheduler import clock, watch
from tests.conftest import Servers
from tests.scheduler.conftest import Bell
from tocsin import errors
from tocsin.storage import progress as stored
from tocsin.storage.record import Record
from workers import progress


@pytest.fixture(autouse=True)
def _none(place: Servers, own_record: Record) -> None:
    with psycopg.connect(place.owner_url) as owner:
        owner.execute("TRUNCATE progress")


def rows(record: Record) -> dict[str, dict[str, Any]]:
    with record.claims() as tx:
        return {row["loop"]: row for row in tx.rows("SELECT * FROM progress")}


def ages(record: Record) -> dict[str, float]:
    with record.claims() as tx:
        return {row["loop"]: row["age"] for row in stored.ages(tx)}


def grow_old(place: Servers, seconds: int, loop: str = "%") -> None:
    with psycopg.connect(place.owner_url) as owner:
        owner.execute("UPDATE progress SET at = at - make_interval(secs => %s) WHERE loop LIKE %s",
                      [seconds, loop])  # fmt: skip


def test_marks_are_counted_and_written_as_one_row_a_loop(own_record: Record) -> None:
    noted = progress.Progress()
    noted.expect(["clock.a", "clock.b"])
    for _ in range(3):
        noted.mark("clock.a")
    for _ in range(2):
        noted.write(own_record, {})
    found = rows(own_record)
    assert {loop: row["done"] for loop, row in found.items()} == {"clock.a": 3, "clock.b": 0}
    assert {row["process"] for row in found.values()} == {progress.process()}
    assert all(0 <= age < 60 for age in ages(own_record).values())


def test_what_is_due_is_written_beside_it(own_record: Record) -> None:
    noted = progress.Progress()
    noted.alive("page")
    with own_record.claims() as tx:
        now = tx.now
    noted.write(own_record, {"page": now, "other": now})
    assert rows(own_record)["page"]["oldest_due"] == now


def test_of_several_processes_one_that_goes_on_is_enough(
    own_record: Record, place: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1", "b/2"):
        monkeypatch.setattr(progress, "process", lambda name=name: name)
        noted = progress.Progress()
        noted.mark("page")
        noted.write(own_record, {})
        grow_old(place, 100)
    noted.write(own_record, {})
    assert ages(own_record)["page"] < 60


def test_the_last_word_of_a_dead_loop_stays_and_others_of_it_go(
    own_record: Record, place: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1", "b/2"):
        monkeypatch.setattr(progress, "process", lambda name=name: name)
        noted = progress.Progress()
        noted.mark("page")
        noted.write(own_record, {})
        grow_old(place, 3600)
    other = progress.Progress()
    other.mark("clock.sweep")
    other.write(own_record, {})
    assert {loop: row["process"] for loop, row in rows(own_record).items()} == {
        "page": "b/2", "clock.sweep": "b/2",
    }  # fmt: skip


def test_loops_that_this_clock_does_not_have_are_forgotten_and_queues_are_not(
    own_record: Record,
) -> None:
    noted = progress.Progress()
    for loop in ("clock.sweep", "clock.heartbeat", "page"):
        noted.mark(loop)
    noted.write(own_record, {})
    with own_record.claims() as tx:
        stored.forget_others(tx, ["clock.sweep"])
    assert rows(own_record).keys() == {"clock.sweep", "page"}


def test_a_loop_that_fails_has_not_gone_round() -> None:
    marked: list[str] = []
    outcomes = iter([errors.RecordAway(), RuntimeError("a bug"), None])
    done = threading.Event()

    def job() -> float | None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        done.set()
        return 60.0

    loop = clock.Loop("test", 0.001, job, marked.append)
    loop.start()
    assert done.wait(10)
    loop.over.set()
    loop.thread.join(10)
    assert marked == ["clock.test"]


def test_the_loop_that_waits_for_files_says_each_time_that_it_looked(
    bell: Bell, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[int] = []
    monkeypatch.setattr(watchfiles, "watch", lambda folder, **options: iter([set(), set()]))
    watch.watch(tmp_path, bell, lambda: marked.append(1))
    assert marked == [1, 1]
