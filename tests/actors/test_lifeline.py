"""Without Redis each process runs its own actors; and the small duties of the background."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest

import channels
from tests.actors.conftest import Hall, alert
from workers import enqueue, queues

DEAD = "redis://127.0.0.1:1/0"


def test_all_that_waits_is_done_without_a_single_ring(hall: Hall) -> None:
    tenant, lifeline = hall.tenant(), hall.module("_lifeline")
    tenant.post(alert(severity="critical"))
    lifeline.run_all(hall.broker, ["pipeline", "pipeline.DQ"])
    assert tenant.column("SELECT state FROM delivery") == ["pending"]
    lifeline.run_all(hall.broker, ["notify"])
    assert tenant.told() == []
    lifeline.run_all(hall.broker, ["page"])
    assert len(tenant.told()) == 1


def test_each_process_runs_only_what_lives_on_its_queues(hall: Hall) -> None:
    homes = hall.module("_lifeline")._homes
    pipeline = {actor.actor_name for actor, _ in homes(hall.broker, ["pipeline"])}
    assert {"dedup", "group", "flush", "expire", "unmute", "reroute"} <= pipeline
    assert not {name for name in pipeline if name.startswith("deliver_")}
    both = [(actor.actor_name, q) for actor, q in homes(hall.broker, ["page", "notify"])]
    assert both == [
        *((queues.deliver(channel), queue)
          for channel in sorted(channels.REGISTRY) for queue in ("page", "notify")),
        *((actor, "page") for actor in ("digest", "escalate", "fail_over", "hand_over", "wake")),
    ]  # fmt: skip


def test_an_actor_that_fails_does_not_keep_the_others_from_running(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def fails(queue: str) -> None:
        ran.append("dedup")
        raise RuntimeError

    monkeypatch.setattr(hall.broker.get_actor("dedup"), "fn", fails)
    monkeypatch.setattr(hall.broker.get_actor("unmute"), "fn", ran.append)
    hall.module("_lifeline").run_all(hall.broker, ["pipeline"])
    assert ran == ["dedup", "pipeline"]


def started(hall: Hall, monkeypatch: pytest.MonkeyPatch, url: str, warm_up: Any) -> list[Any]:
    """What the lifeline of a process ran until it had looked twice."""
    lifeline = hall.module("_lifeline")
    monkeypatch.setattr(lifeline, "EVERY_SECONDS", 0.001)
    ran, twice, looks = [], threading.Event(), []
    bell = enqueue.Bell(url)
    alive = bell.alive

    def look() -> bool:
        looks.append(1)
        if len(looks) > 2:
            twice.set()
        return alive()

    monkeypatch.setattr(bell, "alive", look)
    monkeypatch.setattr(lifeline, "run_all", lambda broker, names: ran.append(names))
    made = lifeline.Lifeline(bell, warm_up)
    worker = mock.Mock(consumer_whitelist={"page", "notify"})
    made.after_worker_boot(hall.broker, worker)
    assert twice.wait(10)
    made.before_worker_shutdown(hall.broker, worker)
    (thread,) = [t for t in threading.enumerate() if t.name == "lifeline"] or [threading.Thread()]
    if thread.ident:
        thread.join(10)
        assert not thread.is_alive()
    return ran


def test_with_redis_dead_the_lifeline_runs_the_queues_of_its_process(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = mock.Mock(side_effect=psycopg.OperationalError)
    ran = started(hall, monkeypatch, DEAD, warm)
    assert ["notify", "page"] in ran
    warm.assert_called_once_with()


def test_with_redis_alive_the_lifeline_only_looks(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert started(hall, monkeypatch, hall.servers.redis_url, mock.Mock()) == []


def test_a_process_writes_down_its_queues_what_it_did_and_what_waits(hall: Hall) -> None:
    tenant = hall.tenant()
    hall.ring("dedup")
    tenant.post(alert(severity="critical"))
    hall.module("_runtime").beat(["pipeline", "lookup"])
    with hall.record.claims() as tx:
        found = {row["loop"]: row for row in tx.rows("SELECT * FROM progress")}
    assert {"pipeline", "lookup"} <= found.keys()
    assert found["pipeline"]["done"] > 0
    assert found["pipeline"]["oldest_due"] is not None
    assert found["lookup"]["oldest_due"] is None


def test_what_cannot_be_written_down_keeps_nobody_from_working(hall: Hall) -> None:
    told: list[list[str]] = []

    def beat(names: list[str]) -> None:
        told.append(names)
        raise psycopg.OperationalError

    made = hall.module("_lifeline").Lifeline(enqueue.Bell(DEAD), mock.Mock(), beat)
    made._tell(["page", "page.DQ"])
    assert told == [["page"]]


def test_a_new_process_knows_keys_and_policies_before_its_first_ring(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    parsed: dict[Any, Any] = {}
    monkeypatch.setattr(hall.runtime, "_parsed", parsed)
    hall.module("_runtime").warm_up()
    assert (tenant.id, 1) in parsed


def test_housekeeping_makes_partitions_ahead_and_drops_what_is_older_than_the_retention(
    hall: Hall,
) -> None:
    today = datetime.now(UTC).date()
    keep = today - timedelta(days=hall.runtime.settings.retention_days)
    with hall.record.claims() as tx:
        tx.run("SELECT make_partitions(%s, 2)", [keep - timedelta(days=1)])
        tx.run("INSERT INTO drain_note VALUES ('old', '{1}', now() - interval '25 hours')")
        tx.run("INSERT INTO drain_note VALUES ('new', '{1}', now() - interval '23 hours')")
    hall.ring("housekeep", queue="background")
    hall.ring("housekeep", queue="background")
    with hall.record.claims() as tx:
        names = {row["relname"] for row in tx.rows("SELECT relname FROM pg_class")}
        assert tx.rows("SELECT worker FROM drain_note") == [{"worker": "new"}]
    assert f"intake_{keep:%Y%m%d}" in names
    assert f"intake_{keep - timedelta(days=1):%Y%m%d}" not in names
    assert f"alert_event_{today + timedelta(days=7):%Y%m%d}" in names


def test_a_ring_does_not_hold_its_thread_for_ever_but_rings_again(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, rung = hall.module("_work"), []
    monkeypatch.setattr(work, "PACE_SECONDS", 0)
    monkeypatch.setattr(hall.runtime.bell, "ring", lambda *who: rung.append(who))
    rounds = []

    def endless(queue: str) -> bool:
        rounds.append(queue)
        return True

    declared = work.actor("endless", "pipeline")(endless)
    try:
        declared.fn("pipeline")
        assert rounds == ["pipeline"] * work.ROUNDS
        assert rung == [("endless", "pipeline")]
    finally:
        del hall.broker.actors["endless"]
