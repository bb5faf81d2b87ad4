"""Heartbeats from the ping to the page: missing, failed, paused, or it was us who were away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tocsin.storage import heartbeats
from tocsin.storage.heartbeats import Ping

Travel = Callable[..., None]
BEATS = (
    POLICY
    + """
heartbeats:
  - {name: a, every: 5m, grace: 1m, severity: error, labels: {team: db}}
"""
)
WATCHDOG = (
    POLICY
    + """
heartbeats:
  - {name: prometheus, every: 5m, grace: 1m, matchers: ['alertname="Watchdog"']}
"""
)
FIRING = "SELECT labels FROM alert WHERE status = 'firing' AND labels LIKE '%%TocsinHeartbeat%%'"


def ping(tenant: Tenant, kind: Any = "success", name: str = "a", **more: Any) -> None:
    """One that was posted to its address."""
    with tenant.hall.record.session([tenant.id]) as tx:
        heartbeats.ping(tx, [heartbeats.folded(tenant.id, name, [Ping(kind, 0.0, **more)])])


def told(tenant: Tenant) -> list[str]:
    """Status and name of what the webhook receiver was told."""
    return [f"{said['status']} {said['commonLabels']['alertname']}" for said in tenant.told()]


def row(tenant: Tenant, name: str = "a") -> dict[str, Any]:
    with tenant.hall.record.session([tenant.id]) as tx:
        (found,) = heartbeats.listed(tx, tenant.id, name)
        return found


@pytest.fixture(autouse=True)
def _nobody_says_that_they_hear(hall: Hall) -> Iterator[None]:
    yield
    with hall.record.claims() as tx:
        tx.run("UPDATE hearing SET heard_at = now() + interval '1 year', deaf_since = NULL,"
               " deaf_until = NULL")  # fmt: skip


def test_one_that_is_not_heard_of_is_told_and_its_return_as_well(
    hall: Hall, travel: Travel
) -> None:
    tenant = hall.tenant(BEATS)
    hall.settle()
    travel(days=1)
    hall.settle()
    assert told(tenant) == []  # it never came: nothing is expected yet
    ping(tenant, source="10.1.2.3", agent="curl/8")
    hall.settle()
    travel(minutes=5, seconds=59)
    hall.settle()
    assert told(tenant) == []
    travel(seconds=2)
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatMissing"]
    (said,) = tenant.told()
    assert said["commonLabels"] == {
        "alertname": "TocsinHeartbeatMissing", "heartbeat": "a", "severity": "error", "team": "db",
    }  # fmt: skip
    about = said["commonAnnotations"]
    assert about["summary"] == "a was not heard of"
    at = row(tenant)["last_at"].strftime("%Y-%m-%d %H:%M")
    assert about["description"] == (
        f"Last ping {at} (UTC) from 10.1.2.3 (curl/8), expected every 5m, 1m of grace."
    )
    travel(hours=1)
    hall.settle()
    assert len(told(tenant)) == 1
    ping(tenant)
    hall.settle()
    assert told(tenant)[1:] == ["resolved TocsinHeartbeatMissing"]
    travel(minutes=6, seconds=1)
    hall.settle()
    assert told(tenant)[2:] == ["firing TocsinHeartbeatMissing"]


def test_a_ping_moves_no_timer_and_the_timer_finds_it(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(BEATS)
    hall.settle()
    for _ in range(5):
        ping(tenant)
        hall.settle()
        travel(minutes=4)
    due = tenant.column("SELECT due_at FROM timer WHERE kind = 'heartbeat'")
    assert due == [row(tenant)["success_at"] + timedelta(minutes=6)]
    assert told(tenant) == []


@pytest.mark.parametrize(
    ("status", "summary"), [(None, "a says that it failed"), (3, "a ended with status 3")]
)
def test_one_that_failed_is_told_at_once(hall: Hall, status: int | None, summary: str) -> None:
    tenant = hall.tenant(BEATS)
    hall.settle()
    ping(tenant, "fail", status=status)
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatFailed"]
    assert tenant.told()[0]["commonAnnotations"]["summary"] == summary
    ping(tenant, "start")
    hall.settle()
    assert len(told(tenant)) == 1
    ping(tenant)
    hall.settle()
    assert told(tenant)[1:] == ["resolved TocsinHeartbeatFailed"]


def test_one_that_started_and_does_not_end(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(BEATS)
    hall.settle()
    ping(tenant, "start")
    hall.settle()
    travel(seconds=59)
    hall.settle()
    assert told(tenant) == []
    travel(seconds=2)
    hall.settle()
    assert tenant.told()[0]["commonAnnotations"]["summary"] == "a started and did not end"


def test_paused_it_may_stay_away(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(BEATS)
    hall.settle()
    ping(tenant, "fail")
    hall.settle()
    with hall.record.session([tenant.id]) as tx:
        heartbeats.pause(tx, row(tenant), "ann")
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatFailed", "resolved TocsinHeartbeatFailed"]
    travel(days=3)
    ping(tenant, "fail")
    hall.settle()
    assert (row(tenant)["paused_by"], len(told(tenant))) == ("ann", 2)
    with hall.record.session([tenant.id]) as tx:
        heartbeats.resume(tx, row(tenant))
    hall.settle()
    assert len(told(tenant)) == 2
    travel(minutes=6, seconds=1)
    hall.settle()
    assert told(tenant)[2:] == ["firing TocsinHeartbeatMissing"]


def test_the_policy_changes(hall: Hall, travel: Travel) -> None:
    """One that is gone from it is over; one that comes back has the address that it had."""
    tenant = hall.tenant(BEATS)
    hall.settle()
    address = row(tenant)["id"]
    ping(tenant)
    travel(minutes=7)
    hall.settle()
    tenant.apply(BEATS.replace("grace: 1m", "grace: 30m"))
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatMissing"]
    tenant.apply(POLICY)
    hall.settle()
    assert told(tenant)[1:] == ["resolved TocsinHeartbeatMissing"]
    assert tenant.column("SELECT 1 FROM timer WHERE kind = 'heartbeat'") == []
    ping(tenant)
    tenant.apply(BEATS)
    hall.settle()
    assert (row(tenant)["id"], row(tenant)["pings"]) == (address, 1)
    assert len(told(tenant)) == 2
    travel(minutes=6, seconds=1)
    hall.settle()
    assert told(tenant)[2:] == ["firing TocsinHeartbeatMissing"]


def deaf(hall: Hall, *, minutes_ago: float, lasted: float) -> None:
    with hall.record.claims() as tx:
        tx.run(
            "INSERT INTO hearing (one, heard_at, deaf_since, deaf_until) VALUES (true, now(),"
            " tocsin_now() - make_interval(mins => %s), tocsin_now() - make_interval(mins => %s))"
            " ON CONFLICT (one) DO UPDATE SET heard_at = now(), deaf_since = excluded.deaf_since,"
            " deaf_until = excluded.deaf_until",
            [minutes_ago + lasted, minutes_ago],
        )


def test_after_an_outage_of_ours_they_are_not_all_missing_at_once(
    hall: Hall, travel: Travel
) -> None:
    many = POLICY + "heartbeats:\n" + "".join(
        f"  - {{name: n{n}, every: 5m}}\n" for n in range(20)
    )  # fmt: skip
    tenant = hall.tenant(many)
    hall.settle()
    for n in range(20):
        ping(tenant, name=f"n{n}")
    hall.settle()
    travel(minutes=30)
    deaf(hall, minutes_ago=0, lasted=29)
    hall.settle()
    assert told(tenant) == []
    travel(minutes=5)
    for n in range(19):
        ping(tenant, name=f"n{n}")
    hall.settle()
    assert told(tenant) == []
    travel(minutes=1, seconds=1)
    hall.settle()
    assert [said["commonLabels"]["heartbeat"] for said in tenant.told()] == ["n19"]


def test_while_we_cannot_hear_nobody_is_missing(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(BEATS)
    hall.settle()
    ping(tenant)
    travel(minutes=10)
    with hall.record.claims() as tx:
        tx.run("INSERT INTO hearing (one, heard_at) VALUES (true, now() - interval '3 hours')"
               " ON CONFLICT (one) DO UPDATE SET heard_at = excluded.heard_at")  # fmt: skip
    hall.settle()
    assert told(tenant) == []
    travel(hours=1)
    hall.settle()
    assert told(tenant) == []


def watchdog(tenant: Tenant, **more: Any) -> None:
    tenant.send(alert("Watchdog", starts=tenant.now - timedelta(days=9), severity="none", **more))


def test_an_alert_that_always_fires_is_a_ping_and_no_incident(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(WATCHDOG)
    hall.settle()
    for _ in range(4):
        watchdog(tenant)
        hall.settle()
        travel(minutes=5)
    assert told(tenant) == []
    assert tenant.column("SELECT outcome || ': ' || cause FROM alert_event") == [
        "dropped: heartbeat prometheus"
    ]
    found = row(tenant, "prometheus")
    assert (found["pings"], found["last_from"], found["last_agent"]) == (4, "test", "Watchdog")
    travel(minutes=1, seconds=1)
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatMissing"]
    watchdog(tenant)
    hall.settle()
    assert told(tenant)[1:] == ["resolved TocsinHeartbeatMissing"]


def test_the_end_of_it_is_no_ping_and_nobody_is_told(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(WATCHDOG)
    hall.settle()
    now = tenant.now
    tenant.send(alert("Watchdog", starts=now, ends=now + timedelta(minutes=4)))
    hall.settle()
    travel(minutes=4, seconds=1)
    hall.settle()  # it ran out
    tenant.send(alert("Watchdog", "resolved", starts=now, ends=tenant.now))
    hall.settle()
    assert row(tenant, "prometheus")["pings"] == 1
    assert told(tenant) == []
    assert None not in tenant.outcomes()
    travel(minutes=2)
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatMissing"]


def test_an_incident_of_it_ends_when_it_becomes_a_ping_and_comes_back_when_not(
    hall: Hall,
) -> None:
    tenant = hall.tenant(POLICY)
    watchdog(tenant)
    hall.settle()
    assert told(tenant) == ["firing Watchdog"]
    tenant.apply(WATCHDOG)
    hall.settle()
    assert tenant.column("SELECT state FROM incident") == ["resolved"]
    assert tenant.column("SELECT 1 FROM group_member") == []
    tenant.apply(POLICY)
    hall.settle()
    assert told(tenant)[-1] == "firing Watchdog"


def test_what_we_raise_ourselves_is_no_sign_of_life(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(WATCHDOG.replace('="Watchdog"', '=~".+"'))
    hall.settle()
    watchdog(tenant)
    hall.settle()
    travel(minutes=6, seconds=1)
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatMissing"]
    assert row(tenant, "prometheus")["pings"] == 1


def test_a_ping_that_waits_to_be_read_is_one_all_the_same(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(WATCHDOG)
    hall.settle()
    watchdog(tenant)
    hall.settle()
    travel(minutes=5)
    tenant.post(alert("Watchdog"))
    travel(minutes=2)
    hall.ring("miss")
    assert tenant.column("SELECT 1 FROM inbox") == [1]  # nothing was raised
    hall.settle()
    assert told(tenant) == []
    travel(minutes=3, seconds=30)
    hall.settle()
    assert told(tenant) == []
    travel(seconds=31)
    hall.settle()
    assert told(tenant) == ["firing TocsinHeartbeatMissing"]


def test_tenants_do_not_hear_each_other(hall: Hall, travel: Travel) -> None:
    one, two = hall.tenant(BEATS), hall.tenant(BEATS)
    hall.settle()
    ping(one)
    ping(two)
    hall.settle()
    travel(minutes=5)
    ping(one)
    travel(minutes=2)
    hall.settle()
    assert told(one) == []
    assert [orjson.loads(text)["heartbeat"] for text in two.column(FIRING)] == ["a"]
