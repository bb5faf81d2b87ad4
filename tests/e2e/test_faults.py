"""What is killed, stopped or emptied in the middle of the work loses and doubles nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest
import redis

from tests.e2e.conftest import Stack, Tenant, alert, eventually, iso
from tests.e2e.test_spine import POLICY

#: Posts of ten alerts each.
POSTS = 500


@pytest.fixture(scope="module")
def stack(launch_stack: Callable[..., Any]) -> Iterator[Stack]:
    scale = "pipeline=3,page=2,notify=2,lookup=0"
    with launch_stack(scale=scale, env={"TOCSIN_LEASE_SECONDS": "5"}) as up:
        yield up


class Sender(threading.Thread):
    """Posts batches until each has been accepted; what was in doubt is posted again."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__()
        self.tenant = tenant
        self.sent = 0
        self.repeated = 0
        self.began = iso(tenant.stack.now())

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.tenant.token}"}
        with httpx.Client(base_url=self.tenant.stack.url, headers=headers, timeout=10) as client:
            for number in range(POSTS):
                self._until_accepted(client, self._batch(number))
                self.sent += 1

    def _batch(self, number: int) -> list[dict[str, Any]]:
        return [
            {"labels": {"alertname": f"A{number % 20}", "n": str(number), "i": str(i),
                        "severity": "critical"}, "startsAt": self.began}
            for i in range(10)
        ]  # fmt: skip

    def _until_accepted(self, client: httpx.Client, batch: list[dict[str, Any]]) -> None:
        while True:
            try:
                if client.post("/api/v2/alerts", json=batch).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            self.repeated += 1
            time.sleep(0.1)


def kill(stack: Stack, name: str) -> None:
    """kill -9 of one process of that line, workers of its master first."""
    master = psutil.Process(stack.children(name)[0].process.pid)
    for process in [*master.children(recursive=True), master]:
        process.kill()


def freeze(stack: Stack, name: str, seconds: float) -> None:
    """SIGSTOP one worker for a while, as a long pause of a virtual machine does."""
    worker = psutil.Process(stack.children(name)[1].process.pid).children(recursive=True)[0]
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(worker.pid, signal.SIGCONT)


def flush_redis(stack: Stack) -> None:
    client = redis.Redis.from_url(stack.supervisor.environment["REDIS_URL"])
    client.flushall()
    client.close()


def test_five_thousand_alerts_through_kills_a_pause_and_an_empty_redis(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    sender = Sender(tenant)
    sender.start()
    for name in ("pipeline", "page", "web", "notify", "pipeline"):
        progress(sender, 40)
        kill(stack, name)
    progress(sender, 20)
    freeze(stack, "pipeline", 6)
    flush_redis(stack)
    sender.join()
    tenant.quiet()
    assert_nothing_lost(tenant, POSTS * 10)
    assert_nothing_doubled(tenant)


def progress(sender: Sender, posts: int) -> None:
    target = min(POSTS, sender.sent + posts)
    eventually(lambda: sender.sent >= target, within=60)


def assert_nothing_lost(tenant: Tenant, accepted: int) -> None:
    stored = tenant.rows("SELECT count(*) AS n FROM alert")[0]["n"]
    assert stored == accepted
    assert tenant.outcomes().count(None) == 0
    told = {a["labels"]["n"] + a["labels"]["i"] for m in tenant.hooks() for a in m["alerts"]}
    # A message carries a hundred alerts at most and counts the others.
    assert told or accepted == 0
    posted = tenant.rows("SELECT count(*) AS n FROM alert_event WHERE posted")[0]["n"]
    counted = tenant.rows(
        "SELECT coalesce(sum(value) FILTER (WHERE name = 'alerts_accepted_total'), 0)::bigint AS a,"
        " coalesce(sum(value) FILTER (WHERE labels LIKE '%%|repeat'), 0)::bigint AS r"
        " FROM (SELECT name, labels, value FROM counter UNION ALL"
        " SELECT name, labels, value FROM tally) c"
    )[0]
    assert counted["a"] == posted + counted["r"]


def assert_nothing_doubled(tenant: Tenant) -> None:
    sent = tenant.rows("SELECT count(*) AS n FROM delivery WHERE state = 'sent'")[0]["n"]
    assert len(tenant.hooks()) == sent
    open_twice = tenant.rows(
        "SELECT group_id FROM incident WHERE state <> 'resolved' GROUP BY 1 HAVING count(*) > 1"
    )
    assert open_twice == []


def test_three_pipelines_over_eight_hundred_hot_alerts_never_show_a_deadlock(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    began = stack.now()
    batch = [alert(alertname="Hot", n=str(n), starts=began) for n in range(800)]

    def hammer(turn: int) -> None:
        for _ in range(12):
            some = batch[turn * 100 :] + batch[: turn * 100]
            tenant.post(*some)

    threads = [threading.Thread(target=hammer, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tenant.quiet()
    total = tenant.rows("SELECT sum(count)::bigint AS n, count(*) AS rows FROM alert")[0]
    assert total == {"n": 6 * 12 * 800, "rows": 800}
    assert tenant.rows("SELECT 1 AS one FROM quarantine") == []
    assert tenant.rows("SELECT 1 AS one FROM inbox WHERE attempts > 0") == []


@pytest.mark.alone
def test_with_redis_dead_throughout_a_page_still_arrives_within_five_seconds(
    launch_stack: Callable[..., Any],
) -> None:
    with launch_stack(scale="lookup=0") as stack:
        valkey = stack.supervisor.servers.pop("valkey")  # and nobody revives it
        valkey.stop()
        tenant = stack.tenant(POLICY)
        began = time.monotonic()
        tenant.post(alert(alertname="NoRedis", severity="critical"))
        eventually(tenant.hooks, within=5)
        assert time.monotonic() - began < 5
        tenant.resolve(alertname="NoRedis", severity="critical")
        eventually(lambda: len(tenant.hooks()) == 2)
        sender = Sender(tenant)
        sender.start()
        sender.join()
        tenant.quiet()
        assert_nothing_doubled(tenant)
        assert tenant.outcomes().count(None) == 0
