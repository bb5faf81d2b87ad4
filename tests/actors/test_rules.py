"""Rules at work: what they set, drop and raise, and where that leads."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tests.actors.ruling import named, ruled, stored

NIGHT = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
  routes:
    - receiver: night
      matchers: ['route_hint="night"']
    - receiver: db
      matchers: ['team="db"']
receivers:
  - name: ops
    webhook: [{url: {hook}}]
  - name: night
    webhook: [{url: {hook}}]
  - name: db
    webhook: [{url: {hook}}]
"""


def receivers(tenant: Tenant) -> list[str]:
    return tenant.column("SELECT receiver FROM alert_group WHERE active ORDER BY receiver")


SET = """
  - name: hot
    when: 'alertname == "Cpu" and labels.usage > 80'
    then: {severity: critical, labels: {team: web, noise: ''}}
  - name: databases
    when: 'labels.job matches "pg.*"'
    then: {labels: {team: db}}
  - name: bad-only
    when: 'severity == "critical"'
    then: {labels: {loud: "yes"}}
"""


def test_effects_are_set_in_order_and_stored(hall: Hall) -> None:
    tenant = ruled(hall, SET, NIGHT)
    tenant.send(alert("Cpu", usage="81", job="pg-1", severity="warning", noise="x"))
    tenant.send(alert("Cpu", usage="80", job="web", severity="warning"))
    rows = tenant.rows("SELECT labels, ruled, severity FROM alert ORDER BY ruled NULLS LAST")
    assert orjson.loads(rows[0]["ruled"]) == {"severity": "critical", "team": "db", "noise": ""}
    assert rows[0]["severity"] == "critical"
    assert (rows[1]["ruled"], rows[1]["severity"]) == (None, "warning")
    assert receivers(tenant) == ["db", "ops"]
    hall.settle()
    (told,) = [body for body in tenant.told() if body["receiver"] == "db"]
    assert "critical" in str(told)


def test_what_is_over_keeps_what_it_was_called(hall: Hall) -> None:
    tenant = ruled(hall, SET, NIGHT)
    tenant.send(alert("Cpu", usage="81", job="pg-1"))
    hall.settle()
    tenant.send(alert("Cpu", "resolved", usage="81", job="pg-1"))
    hall.settle()
    assert orjson.loads(stored(tenant, "Cpu")["ruled"])["team"] == "db"
    assert tenant.outcomes() == ["notified", "notified"]
    assert [body["status"] for body in tenant.told()] == ["firing", "resolved"]


def test_one_that_begins_and_ends_in_one_drain_ends_where_it_began(hall: Hall) -> None:
    tenant = ruled(hall, SET, NIGHT)
    tenant.send(
        alert("Cpu", usage="81", job="pg-1"), alert("Cpu", "resolved", usage="81", job="pg-1")
    )
    assert tenant.outcomes() == ["superseded", "grouped"]
    assert tenant.rows("SELECT 1 AS one FROM alert_group WHERE active") == []


def test_a_route_hint_leads_to_another_route(hall: Hall) -> None:
    tenant = ruled(hall, "  - {name: n, when: 'labels.a == 1', then: {route: night}}\n", NIGHT)
    tenant.send(alert(a="1"), alert(a="2"))
    assert receivers(tenant) == ["night", "ops"]


DROP = """
  - name: tests
    when: 'labels.env == "test"'
    then: {drop: only a test}
"""


def test_a_drop_ends_with_its_reason(hall: Hall) -> None:
    tenant = ruled(hall, DROP)
    tenant.send(alert(env="test"), alert(env="prod"))
    hall.settle()
    assert tenant.outcomes() == ["dropped", "notified"]
    assert tenant.column("SELECT cause FROM alert_event WHERE outcome = 'dropped'") == [
        "tests: only a test"
    ]
    assert len(tenant.told()) == 1


def test_a_changed_policy_drops_what_fires_and_takes_it_up_again(hall: Hall) -> None:
    tenant = hall.tenant()
    tenant.send(alert(env="test"))
    hall.settle()
    assert len(tenant.rows("SELECT 1 AS one FROM group_member")) == 1
    tenant.apply(f"{POLICY}rules:\n{DROP}")
    hall.settle()
    assert tenant.outcomes() == ["notified", "dropped"]
    assert tenant.rows("SELECT 1 AS one FROM group_member") == []
    tenant.apply(POLICY)
    hall.settle()
    assert len(tenant.rows("SELECT 1 AS one FROM group_member")) == 1


def test_a_changed_policy_takes_labels_away_again(hall: Hall) -> None:
    tenant = ruled(hall, "  - {name: s, when: 'true', then: {severity: critical}}\n")
    tenant.send(alert(severity="info"))
    hall.settle()
    assert stored(tenant)["severity"] == "critical"
    tenant.apply(POLICY)
    hall.settle()
    assert (stored(tenant)["severity"], stored(tenant)["ruled"]) == ("info", None)


def test_two_that_raise_the_same_end_it_together(hall: Hall) -> None:
    rules = """
  - name: any
    when: 'labels.host == "a"'
    then: {raise: {alertname: HostBad, labels: {severity: critical, job: ''}}}
"""
    tenant = ruled(hall, rules)
    tenant.send(alert("One", host="a"), alert("Two", host="a"))
    hall.settle()
    assert named(tenant, "HostBad") == ["firing"]
    tenant.send(alert("One", "resolved", host="a"))
    hall.settle()
    assert named(tenant, "HostBad") == ["firing"]
    tenant.send(alert("Two", "resolved", host="a"))
    hall.settle()
    assert named(tenant, "HostBad") == ["resolved"]


def test_raised_alerts_raise_nothing_but_may_be_labelled(hall: Hall) -> None:
    rules = """
  - name: loop
    when: 'true'
    then: {raise: {alertname: Loop}}
  - name: label
    when: 'source == "rule"'
    then: {labels: {from: rule}}
"""
    tenant = ruled(hall, rules)
    tenant.send(alert())
    hall.settle()
    assert sorted(tenant.column("SELECT labels::json ->> 'alertname' FROM alert")) == [
        "Disk",
        "Loop",
    ]
    assert orjson.loads(stored(tenant, "Loop")["ruled"]) == {"from": "rule"}


def test_a_drop_is_known_on_another_queue(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = ruled(hall, DROP)
    monkeypatch.setattr(hall.runtime, "queues", {**hall.runtime.queues, "group": "g"})
    tenant.send(alert(env="test"))
    hall.ring("group")
    assert tenant.outcomes() == ["dropped"]
    assert tenant.rows("SELECT 1 AS one FROM group_member") == []


SCORED = """
  - name: odd
    when: 'anomaly_score > 0.8'
    without_score: %s
    then: {labels: {odd: "yes"}}
"""


@pytest.mark.parametrize(
    ("without", "odd"), [("skip", None), ("0.9", '{"odd":"yes"}'), ("0", None)]
)
def test_without_a_score_a_rule_does_as_it_is_told(
    hall: Hall, without: str, odd: str | None
) -> None:
    tenant = ruled(hall, SCORED % without)
    tenant.send(alert())
    assert stored(tenant)["ruled"] == odd


def test_a_rule_that_fails_stops_no_page(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> bool:
        raise RuntimeError("out of order")

    monkeypatch.setattr("tocsin.domain.functions.threshold.call", broken)
    rules = """
  - name: broken
    when: 'threshold(1, 2, 3) == "none"'
    then: {drop: never}
  - name: sound
    when: 'true'
    then: {labels: {sound: "yes"}}
"""
    tenant = ruled(hall, rules)
    tenant.send(alert())
    hall.settle()
    assert tenant.outcomes() == ["notified"]
    assert orjson.loads(stored(tenant)["ruled"]) == {"sound": "yes"}
    failed = tenant.column("SELECT labels FROM tally WHERE name = 'rules_failed_total'")
    failed += tenant.column("SELECT labels FROM counter WHERE name = 'rules_failed_total'")
    assert failed == ["broken"]
