"""The clock rings what is due, sleeps until the next thing is, and survives what goes away."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from scheduler import clock, housekeeping, sweep, synthetic
from tests.conftest import Servers
from tests.scheduler.conftest import Bell
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.storage import due, timers
from tocsin.storage.record import Record
from workers import queues

STAGES = queues.of_stages("expire=slow")
INBOX = """
INSERT INTO inbox (tenant, stage, urgent, alerts, received_at)
VALUES (%s, %s, false, 1, tocsin_now())
"""
DELIVERY = """
INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation, integration,
  channel, destination, queue, state, due_at, created_at)
VALUES (1, %(id)s, %(id)s, %(id)s, %(id)s, 0, 'ops/webhook/0', 'webhook', 'there', %(queue)s,
  %(state)s, tocsin_now() + %(ahead)s, tocsin_now())
"""
LOOKUP = """
INSERT INTO lookup (tenant, enricher, key, request, host, due_at, attempts, fence)
VALUES (1, 'cmdb', %s, '{}', 'there', tocsin_now() + %s, 0, 0)
"""
NO_PAUSE = timedelta(0)


def timer(record: Record, kind: str, ahead: timedelta = NO_PAUSE, tenant: int = 1) -> None:
    with record.session([tenant]) as tx:
        item = {"tenant": tenant, "subject": str(uuid.uuid4()), "due_at": tx.now + ahead}
        timers.exactly(tx, kind, [item])


def delivery(record: Record, queue: str, state: str, ahead: timedelta = NO_PAUSE) -> None:
    with record.session([1]) as tx:
        tx.run(DELIVERY, {"id": uuid.uuid4(), "queue": queue, "state": state, "ahead": ahead})


def test_everything_that_is_due_is_rung_once_on_its_queue(own_record: Record, bell: Bell) -> None:
    with own_record.session([1, 2]) as tx:
        for tenant, stage in ((1, "dedup"), (2, "dedup"), (1, "evaluate")):
            tx.run(INBOX, [tenant, stage])
    for kind in queues.TIMERS:
        timer(own_record, kind)
        timer(own_record, kind, tenant=2)
    delivery(own_record, "page", "pending")
    delivery(own_record, "notify", "sending")
    for state in ("sent", "dead", "superseded"):
        delivery(own_record, "page", state)
    with own_record.session([1]) as tx:
        tx.run(LOOKUP, ["a", NO_PAUSE])
        tx.run(LOOKUP, ["b", NO_PAUSE])
    assert sweep.sweep(own_record, bell, STAGES) is None
    assert sorted(bell.rung) == [
        ("breach", "background"), ("dedup", "pipeline"), ("deliver_webhook", "notify"),
        ("deliver_webhook", "page"), ("digest", "page"), ("escalate", "page"),
        ("evaluate", "pipeline"), ("expire", "slow"), ("fail_over", "page"),
        ("flush", "pipeline"), ("hand_over", "page"), ("judge", "pipeline"),
        ("lookup", "lookup"), ("miss", "pipeline"), ("report", "background"),
        ("reroute", "pipeline"),
        ("subside", "pipeline"), ("unfold", "pipeline"), ("unmute", "pipeline"), ("wake", "page"),
    ]  # fmt: skip


def test_what_lies_ahead_is_not_rung_but_told_when_it_will_be(
    own_record: Record, bell: Bell
) -> None:
    timer(own_record, "flush", timedelta(minutes=5))
    delivery(own_record, "page", "pending", timedelta(minutes=3))
    delivery(own_record, "page", "sent", timedelta(minutes=1))
    with own_record.session([1]) as tx:
        tx.run(LOOKUP, ["a", timedelta(minutes=4)])
    at = sweep.sweep(own_record, bell, STAGES)
    assert bell.rung == []
    with own_record.claims() as tx:
        assert at is not None
        assert timedelta(minutes=2) < at - tx.now <= timedelta(minutes=3)
        assert due.now(tx) == []


def test_an_empty_record_has_nothing_to_ring_for(own_record: Record, bell: Bell) -> None:
    assert sweep.sweep(own_record, bell, STAGES) is None
    assert bell.rung == []


@pytest.mark.parametrize(
    ("ahead", "most", "least"),
    [(None, 0.5, 0.5), (3600.0, 0.5, 0.5), (0.2, 0.2, 0.001), (-5.0, 0.001, 0.001)],
)
def test_the_clock_sleeps_half_a_second_or_until_the_next_thing_is_due(
    own_record: Record, ahead: float | None, most: float, least: float
) -> None:
    following = None
    if ahead is not None:
        with own_record.claims() as tx:
            following = tx.now + timedelta(seconds=ahead)
    assert least <= clock.pause_until(following, own_record) <= most


@contextmanager
def running(job: Callable[[], float | None], every: float = 0.001) -> Iterator[clock.Loop]:
    loop = clock.Loop("test", every, job)
    loop.start()
    try:
        yield loop
    finally:
        loop.over.set()
        loop.thread.join(5)


@pytest.mark.parametrize(
    "error", [errors.RecordAway(), psycopg.OperationalError(), RuntimeError("a bug")]
)
def test_a_loop_goes_on_after_whatever_its_job_raises(error: Exception) -> None:
    again, failing = threading.Event(), iter([error, error])

    def job() -> float:
        for problem in failing:
            raise problem
        again.set()
        return 60.0

    with running(job) as loop:
        assert again.wait(5)
        assert loop.thread.is_alive()
    assert not loop.thread.is_alive()


def test_a_loop_waits_as_long_as_its_job_says_and_else_its_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([None, 0.25, None])
    paused: list[float] = []
    loop = clock.Loop("test", 7.0, lambda: next(answers))

    def wait(pause: float) -> bool:
        paused.append(pause)
        return len(paused) > 3

    monkeypatch.setattr(loop.over, "wait", wait)
    loop._run()
    assert paused == [0.0, 7.0, 0.25, 7.0]


def test_every_duty_of_the_clock_has_its_loop(place: Servers) -> None:
    chosen = Settings.model_validate(
        {"DATABASE_URL": place.database_url, "REDIS_URL": place.redis_url}
    )
    made = {loop.name: loop for loop in clock.loops(chosen)}
    assert made.keys() == {
        "sweep", "fold", "notes", "reaper", "ticks", "watch", "reconciler", "progress", "synthetic",
    }  # fmt: skip
    for name in ("sweep", "fold", "notes", "reaper", "reconciler", "progress"):
        pause = made[name].job()
        assert pause is None or 0 < pause <= 0.5
    # Without a master key nothing can be posted, which must not end the loop.
    assert made["synthetic"].job() == synthetic.LATER


def test_the_watch_can_be_switched_off_and_the_heartbeat_on(place: Servers) -> None:
    urls = {"DATABASE_URL": place.database_url, "REDIS_URL": place.redis_url}
    without = Settings.model_validate({**urls, "watch_tenant": ""})
    assert "synthetic" not in {loop.name for loop in clock.loops(without)}
    beating = Settings.model_validate({**urls, "heartbeat_url": "https://hc.test/x"})
    assert {"synthetic", "heartbeat"} <= {loop.name for loop in clock.loops(beating)}


def test_folding_moves_tallies_into_counters(own_record: Record) -> None:
    with own_record.session([1]) as tx:
        for value in (1, 2):
            tx.run("INSERT INTO tally (tenant, name, labels, value) VALUES (1, 'n', 'l', %s)",
                   [value])  # fmt: skip
    for _ in range(2):
        housekeeping.fold(own_record)
        with own_record.session([1]) as tx:
            assert tx.rows("SELECT name, labels, value FROM counter") == [
                {"name": "n", "labels": "l", "value": 3.0}
            ]
            assert tx.rows("SELECT 1 AS one FROM tally") == []
