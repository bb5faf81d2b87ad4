"""From a change to its groups: enrichment, routes, superseded events, timers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert

WAITS = POLICY.replace("group_wait: 0s", "group_wait: 30s").replace("l: 0s", "l: 5m")
TREE = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  routes:
    - {receiver: db, matchers: [team=db], continue: true}
    - {receiver: ops, matchers: [team=db], group_wait: 1m}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: db
    webhook: [{url: "{hook}/db"}]
enrichment:
  table:
    - {matchers: [team=db], set: {runbook: "https://run.example/db", owner: dba}}
"""
DUE = "SELECT due_at FROM timer WHERE kind = 'flush' ORDER BY due_at"
MEMBERS = "SELECT count(*) FROM group_member"
CAUSES = "SELECT outcome, cause FROM alert_event ORDER BY id"


def causes(tenant: Tenant) -> list[tuple[Any, Any]]:
    return [(row["outcome"], row["cause"]) for row in tenant.rows(CAUSES)]


def test_without_a_policy_the_way_ends_at_evaluate_with_no_route(hall: Hall) -> None:
    tenant = hall.tenant(None)
    tenant.send(alert(), alert("Other"))
    assert causes(tenant) == [("no_route", "no policy")] * 2
    assert tenant.one("SELECT count(*) FROM alert_group") == 0


def test_a_policy_without_a_receiver_at_the_top_ends_it_at_the_routes(hall: Hall) -> None:
    tenant = hall.tenant("route: {}\nreceivers: []\n")
    tenant.send(alert())
    assert causes(tenant) == [("no_route", "no receiver")]


def test_what_the_tables_say_is_stored_beside_the_alert(hall: Hall) -> None:
    tenant = hall.tenant(TREE)
    tenant.send(alert(team="db"), alert(team="web"))
    assert tenant.column("SELECT extra FROM alert ORDER BY extra") == [
        '{"runbook":"https://run.example/db","owner":"dba"}', None,
    ]  # fmt: skip


def test_continue_puts_an_alert_into_two_groups_each_with_its_own_wait(hall: Hall) -> None:
    tenant = hall.tenant(TREE)
    start = tenant.now
    tenant.send(alert(team="db", starts=start))
    assert tenant.one(MEMBERS) == 2
    assert tenant.column("SELECT receiver FROM alert_group ORDER BY 1") == ["db", "ops"]
    early, late = tenant.column(DUE)
    assert late - early == timedelta(seconds=30)
    assert timedelta(seconds=30) <= early - start < timedelta(seconds=60)


def test_a_group_waits_from_its_first_alert_on(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant(WAITS)
    tenant.send(alert(n="1"))
    (first,) = tenant.column(DUE)
    travel(seconds=10)
    tenant.send(alert(n="2"))
    assert tenant.column(DUE) == [first]


def test_an_alert_that_has_waited_enough_elsewhere_does_not_wait_again(hall: Hall) -> None:
    tenant = hall.tenant(WAITS)
    tenant.send(alert(starts=tenant.now - timedelta(seconds=31)))
    hall.ring("flush")
    assert tenant.column("SELECT reason FROM notification") == ["first"]


def test_news_of_a_group_that_has_spoken_wait_for_its_next_tick(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(WAITS)
    tenant.send(alert(n="1"))
    travel(seconds=30)
    hall.settle()
    anchor = tenant.one("SELECT anchor FROM alert_group")
    travel(minutes=6)
    tenant.send(alert(n="2"))
    assert tenant.column(DUE) == [anchor + timedelta(minutes=10)]


@pytest.mark.parametrize("together", [True, False])
def test_a_newer_change_supersedes_one_that_was_not_told_yet(hall: Hall, together: bool) -> None:
    tenant = hall.tenant(WAITS)
    start = tenant.now - timedelta(seconds=5)
    fires, over = alert(starts=start), alert(status="resolved", starts=start, ends=tenant.now)
    if together:
        tenant.send(fires, over)
        assert causes(tenant)[1] == ("grouped", "not in a group")
    else:
        tenant.send(fires)
        tenant.send(over)
        assert causes(tenant)[1] == (None, None)
    first, last = tenant.column("SELECT id FROM alert_event ORDER BY id")
    assert causes(tenant)[0] == ("superseded", str(last))
    assert first < last


def test_what_came_and_went_before_the_group_spoke_pages_nobody(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(WAITS)
    start = tenant.now
    tenant.send(alert(starts=start))
    tenant.send(alert(status="resolved", starts=start, ends=start + timedelta(seconds=1)))
    travel(seconds=31)
    hall.settle()
    assert tenant.told() == []
    assert tenant.outcomes() == ["superseded", "grouped"]
    assert tenant.column("SELECT active FROM alert_group") == [False]
    assert tenant.column(DUE) == []


def test_a_group_that_slept_begins_anew(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant(WAITS)
    start = tenant.now
    tenant.send(alert(starts=start))
    tenant.send(alert(status="resolved", starts=start, ends=start + timedelta(seconds=1)))
    travel(seconds=31)
    hall.settle()
    travel(minutes=2)
    tenant.send(alert(starts=tenant.now))
    (due,) = tenant.column(DUE)
    assert timedelta(seconds=29) < due - tenant.now <= timedelta(seconds=30)
    assert tenant.rows("SELECT active, anchor FROM alert_group") == [
        {"active": True, "anchor": None}
    ]


def test_alerts_of_one_group_share_it_and_others_do_not(hall: Hall) -> None:
    tenant = hall.tenant(WAITS)
    tenant.send(alert(n="1"), alert(n="2"), alert("Other"))
    assert tenant.column(
        "SELECT count(*) FROM group_member GROUP BY group_id ORDER BY 1"
    ) == [1, 2]  # fmt: skip


@pytest.fixture
def apart(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`evaluate` on a queue of its own; what is rung for it."""
    woken: list[str] = []
    monkeypatch.setitem(hall.runtime.queues, "evaluate", "rules")
    monkeypatch.setattr(hall.runtime.bell, "ring", lambda actor, queue: woken.append(actor))
    return woken


def test_between_two_queues_stands_an_inbox_row_that_names_the_stage(
    hall: Hall, apart: list[str]
) -> None:
    one, other = hall.tenant(TREE), hall.tenant(TREE)
    one.post(alert(team="db"), alert())
    other.post(alert(team="db"))
    hall.ring("dedup")
    assert one.rows("SELECT stage, alerts, urgent FROM inbox") == [
        {"stage": "evaluate", "alerts": 2, "urgent": True}
    ]
    assert "evaluate" in apart
    hall.ring("evaluate")
    assert [t.one("SELECT stage FROM inbox") for t in (one, other)] == ["group", "group"]
    hall.ring("group")
    assert one.column("SELECT 1 FROM inbox") == other.column("SELECT 1 FROM inbox") == []
    assert one.one(MEMBERS) == 3
    assert other.one(MEMBERS) == 2


def test_events_that_crash_a_later_stage_are_explained_as_quarantined(
    hall: Hall, apart: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise ValueError("a rule that crashes")

    tenant = hall.tenant()
    tenant.send(alert())
    monkeypatch.setitem(hall.module("_line")._stages, "evaluate", crash)
    hall.ring("evaluate")
    assert tenant.column("SELECT reason FROM quarantine") == ["ValueError: a rule that crashes"]
    assert tenant.outcomes() == ["quarantined"]
