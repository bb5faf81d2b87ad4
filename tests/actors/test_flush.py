"""Flush: what due groups decide is written whole: incident, notification, delivery, outcome."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tocsin.storage import groups, incidents, silences

INCIDENT = "SELECT state, severity, generation, title FROM incident ORDER BY opened_at"
REASONS = "SELECT reason FROM notification ORDER BY created_at, id"
ROUTELESS = "route: {}\nreceivers: []\n"


def silence(tenant: Tenant, hours: float = 1) -> uuid.UUID:
    with tenant.hall.record.session([tenant.id]) as tx:
        return silences.create(
            tx, tenant.id, matchers=["alertname=Disk"], starts_at=tx.now,
            ends_at=tx.now + timedelta(hours=hours), comment="work", by="ann",
        )  # fmt: skip


def act(tenant: Tenant, what: Callable[..., Any]) -> None:
    """Acknowledge or resolve the only incident, as Ann."""
    incident = tenant.one("SELECT id FROM incident")
    with tenant.hall.record.session([tenant.id]) as tx:
        what(tx, tenant.id, incident, "ann")


def over(tenant: Tenant, **labels: str) -> None:
    now = tenant.now
    start = now - timedelta(minutes=1)
    tenant.send(alert("Disk", "resolved", starts=start, ends=now, notes=None, **labels))


def fire(tenant: Tenant, **labels: str) -> None:
    start = tenant.now - timedelta(minutes=1)
    tenant.send(alert("Disk", "firing", starts=start, ends=None, notes=None, **labels))


def test_firing_and_its_end_are_one_incident_and_two_messages(hall: Hall) -> None:
    tenant = hall.tenant()
    fire(tenant, severity="critical", instance="db-1")
    hall.settle()
    assert tenant.rows(INCIDENT) == [
        {"state": "open", "severity": "critical", "generation": 0, "title": "Disk: db-1"}
    ]
    over(tenant, severity="critical", instance="db-1")
    hall.settle()
    assert [m["status"] for m in tenant.told()] == ["firing", "resolved"]
    assert tenant.column(REASONS) == ["first", "resolved"]
    assert tenant.outcomes() == ["notified", "notified"]
    assert tenant.column("SELECT state FROM incident") == ["resolved"]
    assert tenant.column("SELECT queue FROM delivery ORDER BY created_at") == ["page", "notify"]
    kinds = tenant.column("SELECT kind FROM timeline ORDER BY id")
    assert kinds == ["opened", "notified", "resolved", "notified"]


def test_only_what_is_critical_and_pages_goes_by_the_queue_that_wakes_people(hall: Hall) -> None:
    tenant = hall.tenant()
    fire(tenant, severity="warning")
    hall.ring("flush")
    assert tenant.column("SELECT queue FROM delivery") == ["notify"]


def test_a_silenced_alert_is_told_of_when_its_silence_ends(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    quiet = silence(tenant)
    fire(tenant)
    hall.settle()
    assert (tenant.told(), tenant.outcomes()) == ([], ["silenced"])
    assert tenant.one("SELECT muted_by FROM group_member") == [str(quiet)]
    travel(minutes=61)
    hall.settle()
    assert tenant.outcomes() == ["notified"]
    assert len(tenant.told()) == 1
    assert tenant.one("SELECT muted_by FROM group_member") is None


def test_a_silence_that_is_ended_by_hand_wakes_the_group_at_once(hall: Hall) -> None:
    tenant = hall.tenant()
    quiet = silence(tenant)
    fire(tenant)
    hall.settle()
    with hall.record.session([tenant.id]) as tx:
        assert silences.expire(tx, tenant.id, quiet)
    hall.ring("unmute")
    assert tenant.column("SELECT count(*) FROM timer WHERE kind = 'silence'") == [0]
    hall.settle()
    assert len(tenant.told()) == 1


def test_the_end_of_what_was_told_is_told_although_it_was_silenced_and_others_came(
    hall: Hall,
) -> None:
    """Alertmanager never tells it, and whoever opened a ticket for it never closes it."""
    tenant = hall.tenant(POLICY.replace("[alertname]", "[cluster]"))
    fire(tenant, cluster="a")
    hall.settle()
    silence(tenant)
    for name in ("Second", "Third"):
        tenant.send(alert(name, starts=tenant.now, cluster="a"))
        hall.settle()
    over(tenant, cluster="a")
    hall.settle()
    told = [[(each["labels"]["alertname"], each["status"]) for each in said["alerts"]]
            for said in tenant.told()]  # fmt: skip
    assert [("Disk", "resolved") in said for said in told] == [False, False, False, True]
    assert tenant.one("SELECT held FROM told") == []
    assert set(tenant.outcomes()) == {"notified"}


def test_a_suppression_is_counted_once_however_often_the_group_asks(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    silence(tenant)
    fire(tenant)
    hall.settle()
    with hall.record.session([tenant.id]) as tx:
        tx.run("UPDATE timer SET due_at = tocsin_now()")
    hall.settle()
    assert tenant.one(
        "SELECT sum(value)::int FROM tally WHERE name = 'suppressions_processed_total'"
    ) == 1  # fmt: skip


def test_an_alert_that_nobody_posts_again_is_over(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant()
    start = tenant.now
    tenant.send(alert(starts=start, ends=start + timedelta(minutes=5)))
    hall.settle()
    travel(minutes=5)
    hall.settle()
    assert tenant.column("SELECT kind FROM alert_event ORDER BY id") == ["new", "expired"]
    assert [m["status"] for m in tenant.told()] == ["firing", "resolved"]
    assert tenant.one("SELECT ends_at FROM alert") == start + timedelta(minutes=5)
    assert tenant.column("SELECT 1 FROM timer WHERE kind = 'expire'") == []


def test_an_expiry_that_was_moved_arms_its_timer_again(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    start = tenant.now
    for minutes in (5, 10):
        tenant.send(alert(starts=start, ends=start + timedelta(minutes=minutes)))
    travel(minutes=6)
    hall.settle()
    timer = "SELECT due_at FROM timer WHERE kind = 'expire'"
    assert tenant.column(timer) == [start + timedelta(minutes=10)]
    assert tenant.column("SELECT kind FROM alert_event") == ["new"]


@pytest.mark.parametrize("ending", ["resolved by its sender", "never ends any more"])
def test_a_timer_of_an_alert_that_cannot_expire_is_dropped(
    hall: Hall, travel: Callable[..., None], ending: str
) -> None:
    tenant = hall.tenant()
    start = tenant.now
    tenant.send(alert(starts=start, ends=start + timedelta(minutes=5)))
    if ending == "never ends any more":
        tenant.send(alert(starts=start))
    else:
        tenant.send(alert(status="resolved", starts=start, ends=start + timedelta(seconds=1)))
    travel(minutes=6)
    hall.settle()
    assert tenant.column("SELECT 1 FROM timer WHERE kind = 'expire'") == []
    assert "expired" not in tenant.column("SELECT kind FROM alert_event")


def test_what_fires_again_soon_reopens_the_incident_with_a_new_generation(hall: Hall) -> None:
    tenant = hall.tenant()
    for _ in range(2):
        fire(tenant)
        hall.settle()
        over(tenant)
        hall.settle()
    assert tenant.column(REASONS) == ["first", "resolved", "reopened", "resolved"]
    (row,) = tenant.rows(INCIDENT)
    assert row["generation"] == 3


def test_repeats_go_on_until_somebody_has_it(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant()
    fire(tenant)
    hall.settle()
    travel(hours=4)
    hall.settle()
    act(tenant, incidents.acknowledge)
    for _ in range(2):
        travel(hours=5)
        hall.settle()
    assert tenant.column(REASONS) == ["first", "repeat"]
    assert tenant.column("SELECT 1 FROM timer WHERE kind = 'flush'") == []


def test_what_a_person_resolved_speaks_again_when_it_repeats(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    fire(tenant)
    hall.settle()
    act(tenant, incidents.resolve)
    hall.settle()
    assert tenant.column(REASONS) == ["first"]
    travel(hours=5)
    hall.settle()
    assert tenant.column(REASONS) == ["first", "first"]
    assert tenant.column("SELECT state FROM incident ORDER BY opened_at") == ["resolved", "open"]


def test_a_message_carries_a_hundred_alerts_and_counts_the_rest(hall: Hall) -> None:
    tenant = hall.tenant()
    tenant.send(*(alert(n=str(n)) for n in range(130)))
    hall.settle()
    (message,) = tenant.told()
    assert (len(message["alerts"]), message["truncatedAlerts"]) == (100, 30)
    assert set(tenant.outcomes()) == {"notified"}


def test_two_flushes_at_once_say_it_once(hall: Hall) -> None:
    tenant = hall.tenant()
    fire(tenant)
    with hall.record.claims() as tx:
        assert len(groups.claim_due(tx, 50)) == 1
        hall.ring("flush")
        assert tenant.column(REASONS) == []
    hall.settle()
    assert tenant.column(REASONS) == ["first"]


def test_a_group_that_cannot_be_decided_keeps_no_other_from_speaking_and_pages(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill, well = hall.tenant(), hall.tenant()
    fire(ill, n="1")
    fire(well)
    flushing = hall.module("flush").flushing
    real = flushing.plan

    def plan(group: Any, *args: Any, **named: Any) -> Any:
        if any(member.labels.get("n") == "1" for member in group.members):
            raise ValueError("a bug")
        return real(group, *args, **named)

    monkeypatch.setattr(flushing, "plan", plan)
    hall.settle()
    assert len(well.told()) == 1
    assert [m["alerts"][0]["labels"]["alertname"] for m in ill.told()] == ["TocsinFlushFailed"]
    assert None in ill.outcomes()
    monkeypatch.setattr(flushing, "plan", real)
    hall.travel(timedelta(seconds=61))
    hall.settle()
    assert set(ill.outcomes()) == {"notified"}


DB = """
  routes:
    - receiver: db
      matchers: [team=db]
receivers:
  - name: db
    webhook:
      - url: {hook}/db
"""
WITH_DB = POLICY.replace("\nreceivers:\n", DB)
BOTH = WITH_DB.replace("[team=db]", "[team=db]\n      continue: true").replace(
    "receivers:", "    - receiver: ops\n      matchers: [team=db]\nreceivers:"
)


def receivers(tenant: Tenant) -> list[str]:
    return tenant.column(
        "SELECT DISTINCT g.receiver FROM group_member m JOIN alert_group g"
        " ON g.tenant = m.tenant AND g.id = m.group_id ORDER BY 1"
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(POLICY, WITH_DB, ["db"]), (WITH_DB, POLICY, ["ops"]), (WITH_DB, BOTH, ["db", "ops"]),
     (BOTH, WITH_DB, ["db"]), (POLICY, ROUTELESS, []), (POLICY, POLICY + "\n", ["ops"])],
    ids=["child added", "child taken away", "continue added", "continue taken away",
         "receiver taken away", "nothing changed"],
)  # fmt: skip
def test_what_fires_follows_a_policy_that_changed(
    hall: Hall, before: str, after: str, expected: list[str]
) -> None:
    tenant = hall.tenant(before)
    fire(tenant, team="db")
    hall.settle()
    paged = "SELECT count(*) FROM notification WHERE reason <> 'resolved'"
    told = tenant.one(paged)
    stayed = set(receivers(tenant))
    tenant.apply(after)
    hall.settle()
    assert receivers(tenant) == expected
    fresh = len(set(expected) - stayed)
    assert tenant.one(paged) == told + fresh
    assert None not in tenant.outcomes()
    assert tenant.column("SELECT 1 FROM timer WHERE kind = 'reroute'") == []
    assert tenant.column("SELECT count(*) FROM alert_event WHERE posted") == [1]


def test_events_that_wait_in_a_group_move_with_their_alert(
    hall: Hall, travel: Callable[..., None]
) -> None:
    waits = POLICY.replace("group_wait: 0s", "group_wait: 1h")
    tenant = hall.tenant(waits)
    tenant.send(alert(starts=tenant.now, team="db"))
    tenant.apply(WITH_DB)
    hall.settle()
    assert tenant.rows("SELECT kind, outcome, cause FROM alert_event ORDER BY id")[0] == {
        "kind": "new", "outcome": "superseded", "cause": "the policy changed",
    }  # fmt: skip
    assert tenant.outcomes() == ["superseded", "notified"]
    assert len(tenant.told()) == 0
    assert len(hall.providers.ledger.calls(dest=f"{tenant.dest}/db")) == 1


def test_who_is_no_longer_asked_is_not_told_that_what_still_fires_is_over(hall: Hall) -> None:
    tenant = hall.tenant()
    fire(tenant, team="db")
    hall.settle()
    tenant.apply(WITH_DB)
    hall.settle()
    assert [message["status"] for message in tenant.told()] == ["firing"]


def test_a_route_that_goes_before_its_group_speaks_is_noticed_by_the_flush(hall: Hall) -> None:
    tenant = hall.tenant(WITH_DB)
    tenant.send(alert(starts=tenant.now, team="db"))
    tenant.apply(POLICY)
    hall.ring("flush")
    assert tenant.column("SELECT stage FROM inbox") == ["enrich"]
    hall.settle()
    assert [message["receiver"] for message in tenant.told()] == ["ops"]


def test_an_incident_whose_alerts_were_all_routed_away_does_not_stay_open_for_ever(
    hall: Hall,
) -> None:
    tenant = hall.tenant(WITH_DB)
    fire(tenant, team="db")
    hall.settle()
    tenant.apply(POLICY)
    hall.settle()
    over(tenant, team="db")
    hall.settle()
    assert tenant.column("SELECT state FROM incident") == ["resolved", "resolved"]


def test_an_end_that_waits_when_its_route_loses_its_receiver_is_explained(hall: Hall) -> None:
    tenant = hall.tenant(POLICY.replace("interval: 0s", "interval: 5m"))
    fire(tenant)
    hall.settle()
    over(tenant)
    tenant.apply(ROUTELESS)
    hall.travel(timedelta(minutes=6))
    hall.settle()
    assert None not in tenant.outcomes()
