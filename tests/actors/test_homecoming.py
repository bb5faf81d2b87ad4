"""Alerts that were told of in one place, went to another, and come back: somebody is paged."""

from __future__ import annotations

from datetime import timedelta

from tests.actors.conftest import Hall, alert
from tests.actors.test_correlate import heard

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
  routes:
    - {receiver: web, matchers: [route_hint=web]}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: web
    webhook: [{url: "{hook}/web"}]
"""
RULE = """
rules:
  - name: long
    when: alertname == "Disk"
    for: 10m
    then: {route: web}
"""
SEV = """
rules:
  - name: long
    when: alertname == "Disk"
    for: 10m
    then: {severity: critical}
"""
NOTE = """
rules:
  - name: noted
    when: annotations.team == "web"
    then: {route: web}
"""
DROP = """
rules:
  - name: d
    when: annotations.team == "web"
    then: {drop: no}
"""


def test_what_moved_away_and_fires_again_where_it_was_pages_there(hall: Hall) -> None:
    tenant = hall.tenant(POLICY + RULE)
    tenant.send(alert("Disk"))
    hall.settle()
    assert heard(tenant) == [("firing", "first")]
    hall.travel(timedelta(minutes=11))
    hall.settle()
    assert heard(tenant, "/web") == [("firing", "first")]
    tenant.send(alert("Disk", "resolved", ends=tenant.now))
    hall.settle()
    assert heard(tenant, "/web")[-1] == ("resolved", "resolved")
    hall.travel(timedelta(minutes=5))
    tenant.send(alert("Disk", starts=tenant.now))
    hall.settle()
    assert heard(tenant)[1:] == [("firing", "first")]


def test_a_rule_that_makes_it_worse_pages_those_who_were_told_of_less(hall: Hall) -> None:
    tenant = hall.tenant(POLICY + SEV)
    tenant.send(alert("Disk", severity="warning"))
    hall.settle()
    assert heard(tenant) == [("firing", "first")]
    hall.travel(timedelta(minutes=11))
    hall.settle()
    assert heard(tenant) == [("firing", "first"), ("firing", "new_alerts")]


def test_over_and_back_elsewhere_in_one_drain_is_in_one_group(hall: Hall) -> None:
    tenant = hall.tenant(POLICY + NOTE)
    tenant.send(alert("Disk", starts=tenant.now))
    hall.settle()
    hall.travel(timedelta(minutes=20))
    now = tenant.now
    tenant.post(alert("Disk", "resolved", ends=now))
    tenant.post(alert("Disk", starts=now + timedelta(seconds=1), notes={"team": "web"}))
    hall.ring("dedup")
    hall.settle()
    assert tenant.one("SELECT count(*) FROM group_member") == 1
    assert heard(tenant, "/web") == [("firing", "first")]


def test_over_and_back_but_dropped_in_one_drain_is_in_no_group(hall: Hall) -> None:
    tenant = hall.tenant(POLICY + DROP)
    now = tenant.now
    tenant.send(alert("Disk", starts=now), alert("Disk", starts=now, instance="b"))
    hall.settle()
    hall.travel(timedelta(minutes=20))
    now = tenant.now
    tenant.post(alert("Disk", "resolved", ends=now))
    tenant.post(alert("Disk", starts=now + timedelta(seconds=1), notes={"team": "web"}))
    hall.ring("dedup")
    hall.settle()
    assert tenant.one("SELECT count(*) FROM group_member") == 1
