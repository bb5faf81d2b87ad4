"""Alerts whose end was lost, or whose sender never says one: over, and said to be only that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson

from tests.actors.conftest import POLICY, Hall, Tenant, alert

Travel = Callable[..., None]
FRESH = POLICY + "freshness: [{matchers: ['job=\"cron\"'], stale_after: 2h}]\n"
KINDS = "SELECT kind FROM alert_event ORDER BY id"


def notes(tenant: Tenant) -> list[list[str]]:
    return [said["incident"]["notes"] for said in tenant.told()]


def statuses(tenant: Tenant) -> list[str]:
    return [said["status"] for said in tenant.told()]


def shown(tenant: Tenant) -> str:
    return str(tenant.one("SELECT last_seen FROM alert").strftime("%Y-%m-%d %H:%M UTC"))


def test_an_end_that_was_lost_is_told_as_such(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant()
    now = tenant.now
    tenant.send(alert(starts=now, ends=now + timedelta(minutes=5)))
    hall.settle()
    travel(minutes=5)
    hall.settle()
    assert statuses(tenant) == ["firing", "resolved"]
    assert notes(tenant) == [[], [
        f"Nobody said that Disk is over: nothing was heard of it since {shown(tenant)} (expired)."
    ]]  # fmt: skip
    assert tenant.column(KINDS) == ["new", "expired"]
    (detail,) = tenant.column("SELECT detail FROM timeline WHERE kind = 'expired'")
    assert orjson.loads(detail)["alerts"] == 1


def test_an_end_that_its_sender_said_is_told_without_more(hall: Hall) -> None:
    tenant = hall.tenant()
    now = tenant.now
    tenant.send(alert(starts=now, ends=now + timedelta(minutes=5)))
    hall.settle()
    tenant.send(alert(status="resolved", starts=now, ends=tenant.now))
    hall.settle()
    assert notes(tenant) == [[], []]
    assert tenant.column("SELECT 1 FROM timeline WHERE kind = 'expired'") == []


def test_by_default_nothing_gets_too_old(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant()
    tenant.send(alert(job="cron"))
    hall.settle()
    travel(days=30)
    hall.settle()
    assert "resolved" not in statuses(tenant)


def test_what_matches_is_over_when_nobody_posts_it_any_more(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(FRESH)
    tenant.send(alert(job="cron"), alert("Other", job="web"))
    hall.settle()
    for _ in range(3):
        travel(hours=1)
        tenant.send(alert(job="cron"))
        hall.settle()
    assert tenant.column(KINDS) == ["new", "new"]
    travel(hours=2)
    hall.settle()
    over = tenant.column("SELECT labels FROM alert WHERE status = 'resolved'")
    assert [orjson.loads(text)["job"] for text in over] == ["cron"]
    assert tenant.column(KINDS)[2:] == ["expired"]


def test_an_end_that_the_sender_names_is_its_own(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(FRESH)
    now = tenant.now
    tenant.send(alert(job="cron", starts=now, ends=now + timedelta(hours=9)))
    hall.settle()
    travel(hours=3)
    hall.settle()
    assert tenant.column(KINDS) == ["new"]


def test_one_that_fires_again_opens_its_incident_again(hall: Hall, travel: Travel) -> None:
    """As `incidents.reopen` says; and its start is what it was."""
    tenant = hall.tenant(FRESH)
    start = tenant.now
    tenant.send(alert(job="cron", starts=start))
    hall.settle()
    travel(hours=2)
    hall.settle()
    travel(minutes=3)
    tenant.send(alert(job="cron", starts=start))
    hall.settle()
    assert tenant.column("SELECT reason FROM notification ORDER BY created_at, id") == [
        "first", "resolved", "reopened",
    ]  # fmt: skip
    assert tenant.one("SELECT count(*) FROM incident") == 1
    assert tenant.column(KINDS) == ["new", "expired", "refired"]
    travel(hours=2)
    hall.settle()
    travel(minutes=6)
    tenant.send(alert(job="cron", starts=start))
    hall.settle()
    assert tenant.one("SELECT count(*) FROM incident") == 2


def test_what_is_stuck_already_gets_an_end_when_the_policy_says_so(
    hall: Hall, travel: Travel
) -> None:
    tenant = hall.tenant()
    tenant.send(alert(job="cron"), alert("Young", job="cron"), alert("Other"))
    hall.settle()
    travel(hours=3)
    tenant.send(alert("Young", job="cron"))
    tenant.apply(FRESH)
    hall.settle()
    firing = "SELECT labels FROM alert WHERE status = 'firing' ORDER BY labels"
    names: Any = [orjson.loads(text)["alertname"] for text in tenant.column(firing)]
    assert names == ["Other", "Young"]
    travel(hours=2)
    hall.settle()
    assert [orjson.loads(text)["alertname"] for text in tenant.column(firing)] == ["Other"]


def test_what_tocsin_raised_itself_does_not_fade(hall: Hall, travel: Travel) -> None:
    beats = "heartbeats: [{name: a, every: 5m}]\n"
    tenant = hall.tenant(FRESH.replace('job="cron"', 'alertname=~".+"') + beats)
    hall.settle()
    with hall.record.session([tenant.id]) as tx:
        stored = hall.module("_pulses").stored
        stored.ping(tx, [stored.folded(tenant.id, "a", [stored.Ping("fail", 0.0)])])
    hall.settle()
    travel(hours=5)
    hall.settle()
    assert "resolved" not in statuses(tenant)
