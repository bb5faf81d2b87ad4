"""Tocsin notices its own death: nothing arrives any more, and nobody outside hears of it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests import heartbeats
from tests.e2e.conftest import Stack, eventually

#: One period, of which the heartbeat has one for each synthetic alert.
SECONDS = 2
WORKERS = ("pipeline", "page", "notify", "lookup", "background")


@pytest.fixture(scope="module")
def snitch() -> Iterator[heartbeats.Snitch]:
    with heartbeats.listening() as found:
        yield found


@pytest.fixture(scope="module")
def stack(launch_stack: Callable[..., Any], snitch: heartbeats.Snitch) -> Iterator[Stack]:
    settings = {
        "TOCSIN_WATCH_TENANT": "system", "TOCSIN_HEARTBEAT_URL": snitch.url,
        "TOCSIN_HEARTBEAT_SECONDS": str(SECONDS),
    }  # fmt: skip
    with launch_stack(env=settings) as up:
        yield up


def workers(stack: Stack) -> list[psutil.Process]:
    """All processes that work on a queue."""
    masters = [child for name in WORKERS for child in stack.children(name)]
    return [worker for master in masters
            for worker in psutil.Process(master.process.pid).children(recursive=True)]  # fmt: skip


def status(stack: Stack, path: str) -> int:
    return stack.client.get(path).status_code


def beats(snitch: heartbeats.Snitch, more: int) -> None:
    """Wait until so many more beats were heard."""
    wanted = len(snitch.pings) + more
    eventually(lambda: len(snitch.pings) >= wanted, within=60)


def test_workers_that_stand_still_are_noticed_inside_and_outside(
    stack: Stack, snitch: heartbeats.Snitch
) -> None:
    beats(snitch, 2)
    with stack.record.admin() as tx:
        found = tx.rows("SELECT DISTINCT source FROM synthetic")
        loops = {row["loop"] for row in tx.rows("SELECT loop FROM progress")}
    assert found == [{"source": "prometheus"}]  # it came in by the ingest, as everybody's do
    assert {"clock.sweep", "clock.synthetic", "clock.heartbeat", "pipeline", "page"} <= loops
    eventually(lambda: status(stack, "/-/ready") == 200)
    stopped = workers(stack)
    assert len(stopped) >= len(WORKERS)
    for worker in stopped:
        worker.send_signal(signal.SIGSTOP)
    try:
        # What arrived just before is still told of; after that there is nothing to tell.
        eventually(lambda: snitch.silent_for() > 3 * SECONDS, within=60)
        heard = len(snitch.pings)
        stack.travel(35)
        eventually(lambda: status(stack, "/-/ready") == 503)
        assert status(stack, "/-/healthy") == 200
        reasons = stack.client.get("/-/ready").json()["reasons"]
        assert any("dedup (inbox) has been due for" in reason for reason in reasons)
        assert len(snitch.pings) == heard
    finally:
        for worker in stopped:
            worker.send_signal(signal.SIGCONT)
    beats(snitch, 2)
    eventually(lambda: status(stack, "/-/ready") == 200, within=60)
    with stack.record.admin() as tx:
        repaired = "SELECT labels FROM tally WHERE name = 'reconciler_repairs_total' UNION ALL"
        assert tx.rows(
            f"{repaired} SELECT labels FROM counter WHERE name = 'reconciler_repairs_total'"
        ) == []  # fmt: skip


def test_without_redis_it_beats_all_the_same(stack: Stack, snitch: heartbeats.Snitch) -> None:
    valkey = stack.supervisor.servers.pop("valkey")  # and nobody revives it
    valkey.stop()
    beats(snitch, 2)
