"""Inhibition and time intervals from the record: what is held back, why, and what wakes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from schemas.alert import Status
from tests.actors import escalating
from tests.actors.conftest import Hall, Tenant, alert
from tocsin.domain import inhibition
from tocsin.storage import inhibitors

RULES = """
inhibit_rules:
  - name: cluster down
    source_matchers: [alertname=ClusterDown]
    target_matchers: [severity=~"warning|critical"]
    equal: [cluster]
"""
PLAIN = """
route:
  receiver: ops
  group_by: [alertname, cluster]
  group_wait: {wait}
  group_interval: 0s
receivers:
  - name: ops
    webhook:
      - url: {hook}
"""
POLICY = PLAIN.replace("{wait}", "0s") + RULES
WAITING = PLAIN.replace("{wait}", "30s") + RULES
NIGHT = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
  routes:
    - matchers: [team=db]
      mute_time_intervals: [now]
receivers:
  - name: ops
    webhook:
      - url: {hook}
time_intervals:
  - name: now
    time_intervals:
      - times: [{start_time: '{start}', end_time: '{end}'}]
"""


def names(tenant: Tenant) -> list[tuple[str, str]]:
    return [(m["groupLabels"]["alertname"], m["status"]) for m in tenant.told()]


def down(tenant: Tenant, cluster: str = "a", *, over: bool = False) -> None:
    start = tenant.now - timedelta(minutes=1)
    state: Status = "resolved" if over else "firing"
    ends = tenant.now if over else None
    tenant.send(alert("ClusterDown", state, starts=start, ends=ends, cluster=cluster))


def disk(tenant: Tenant, cluster: str = "a", *, over: bool = False) -> None:
    start = tenant.now - timedelta(minutes=1)
    state: Status = "resolved" if over else "firing"
    ends = tenant.now if over else None
    tenant.send(alert("Disk", state, starts=start, ends=ends, cluster=cluster, severity="warning"))


def test_what_an_alert_that_fires_makes_redundant_is_told_of_when_that_is_over(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant)
    disk(tenant)
    hall.settle()
    assert names(tenant) == [("ClusterDown", "firing")]
    source = tenant.one("SELECT fingerprint FROM alert WHERE labels LIKE '%%ClusterDown%%'")
    assert tenant.rows("SELECT outcome, cause FROM alert_event ORDER BY id DESC LIMIT 1") == [
        {"outcome": "inhibited", "cause": f"{source}/cluster down"}
    ]
    down(tenant, over=True)
    hall.settle()
    assert sorted(names(tenant)[1:]) == [("ClusterDown", "resolved"), ("Disk", "firing")]
    assert tenant.column("SELECT count(*) FROM inhibitor") == [0]
    assert tenant.outcomes()[1] == "notified"


def test_only_where_the_equal_labels_are_equal(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a")
    disk(tenant, "b")
    hall.settle()
    assert sorted(names(tenant)) == [("ClusterDown", "firing"), ("Disk", "firing")]


def test_the_inhibitor_may_come_later_than_its_target_within_the_group_wait(
    hall: Hall, travel: Callable[..., None]
) -> None:
    """Also where the processes were started anew meanwhile: all of it is in the record."""
    tenant = hall.tenant(WAITING)
    tenant.send(alert("Disk", starts=tenant.now, cluster="a", severity="warning"))
    travel(seconds=20)
    tenant.send(alert("ClusterDown", starts=tenant.now, cluster="a"))
    travel(seconds=15)
    hall.settle()
    assert names(tenant) == []
    travel(seconds=20)
    hall.settle()
    assert names(tenant) == [("ClusterDown", "firing")]


def test_both_in_one_batch_with_no_wait_at_all_the_target_first(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    start = tenant.now
    tenant.send(
        alert("Disk", starts=start, cluster="a", severity="warning"),
        alert("ClusterDown", starts=start, cluster="a"),
    )
    hall.settle()
    assert names(tenant) == [("ClusterDown", "firing")]


def test_one_that_ran_out_inhibits_nothing(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant(POLICY)
    ends = tenant.now + timedelta(minutes=5)
    tenant.send(alert("ClusterDown", starts=tenant.now, ends=ends, cluster="a"))
    disk(tenant)
    hall.settle()
    travel(minutes=6)
    # Nobody has noticed yet that it is over.
    hall.ring("flush")
    tenant.send(alert("Disk", starts=tenant.now, cluster="a", severity="critical"))
    hall.ring("flush")
    assert [m["groupLabels"]["alertname"] for m in tenant.told()] == ["ClusterDown"]
    hall.settle()
    assert ("Disk", "firing") in names(tenant)


def test_while_another_source_fires_it_goes_on(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    start = tenant.now
    tenant.send(*(alert("ClusterDown", starts=start, cluster="a", by=by) for by in "xy"))
    disk(tenant)
    hall.settle()
    tenant.send(alert("ClusterDown", "resolved", starts=start, ends=start, cluster="a", by="x"))
    hall.settle()
    assert tenant.outcomes()[2] == "inhibited"
    tenant.send(alert("ClusterDown", "resolved", starts=start, ends=start, cluster="a", by="y"))
    hall.settle()
    assert ("Disk", "firing") in names(tenant)


def test_what_matches_both_sides_does_not_inhibit_its_like(hall: Hall) -> None:
    rules = RULES.replace("alertname=ClusterDown", "severity=critical")
    tenant = hall.tenant(PLAIN.replace("{wait}", "0s") + rules)
    start = tenant.now
    for name in ("One", "Two"):
        tenant.send(alert(name, starts=start, cluster="a", severity="critical"))
    hall.settle()
    assert sorted(names(tenant)) == [("One", "firing"), ("Two", "firing")]
    # It is a target and a source; what is a target only is held back by either.
    tenant.send(alert("Three", starts=start, cluster="a", severity="warning"))
    hall.settle()
    assert tenant.outcomes()[-1] == "inhibited"


def test_a_new_rule_holds_against_what_fires_already_and_its_removal_wakes(hall: Hall) -> None:
    tenant = hall.tenant(PLAIN.replace("{wait}", "0s"))
    down(tenant)
    hall.settle()
    tenant.apply(POLICY)
    hall.settle()
    disk(tenant)
    hall.settle()
    assert tenant.outcomes()[-1] == "inhibited"
    tenant.apply(PLAIN.replace("{wait}", "0s"))
    hall.settle()
    assert names(tenant)[-1] == ("Disk", "firing")
    assert tenant.column("SELECT count(*) FROM inhibitor") == [0]


def test_tenants_do_not_inhibit_each_other(hall: Hall) -> None:
    one, other = hall.tenant(POLICY), hall.tenant(POLICY)
    down(one)
    disk(other)
    hall.settle()
    assert names(other) == [("Disk", "firing")]


def test_who_takes_a_source_away_waits_for_the_flush_that_obeys_it(hall: Hall) -> None:
    """Else that flush could mark what nobody wakes any more."""
    tenant = hall.tenant(POLICY)
    down(tenant)
    hall.settle()
    (row,) = tenant.rows("SELECT tenant, rule, equals, fingerprint FROM inhibitor")
    question = inhibition.Question(row["rule"], row["equals"], one_sided=False)
    with hall.record.session([tenant.id]) as flush:
        assert list(inhibitors.firing(flush, [(tenant.id, question)]).values()) == [
            row["fingerprint"]
        ]
        with pytest.raises(psycopg.errors.LockNotAvailable):
            take_away(tenant, row)
    take_away(tenant, row)
    assert tenant.column("SELECT count(*) FROM inhibitor") == [0]


def take_away(tenant: Tenant, row: dict[str, Any]) -> None:
    with tenant.hall.record.session([tenant.id]) as drain:
        drain.run("SET LOCAL lock_timeout = '50ms'")
        inhibitors.remove(drain, [row])


def clock(tenant: Tenant, hours: int) -> str:
    return (tenant.now + timedelta(hours=hours)).strftime("%H:00")


def test_the_end_of_an_interval_wakes_what_it_held(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant(NIGHT.replace("{start}", "00:00").replace("{end}", "24:00"))
    if clock(tenant, 0) == "00:00":
        travel(hours=1)  # what begins with the day begins anew when it is over
    tenant.send(alert("Slow", starts=tenant.now, team="db"), alert("Fast", starts=tenant.now))
    hall.settle()
    assert names(tenant) == [("Fast", "firing")]
    (told,) = tenant.rows("SELECT outcome, cause FROM alert_event WHERE outcome <> 'notified'")
    assert told == {"outcome": "muted", "cause": "now"}
    # An hour that has just begun ends by itself.
    tenant.apply(NIGHT.replace("{start}", clock(tenant, 0)).replace("{end}", "24:00"))
    hall.settle()
    assert len(names(tenant)) == 1
    midnight = (tenant.now + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    travel(seconds=(midnight - tenant.now).total_seconds())
    hall.settle()
    assert ("Slow", "firing") in names(tenant)[1:]
    assert set(tenant.outcomes()) <= {"notified", "superseded"}


def test_an_end_in_quiet_hours_is_told_when_they_are_over(
    hall: Hall, travel: Callable[..., None]
) -> None:
    loud = NIGHT.replace("mute_time_intervals: [now]", "group_interval: 1s")
    tenant = hall.tenant(loud.replace("{start}", "00:00").replace("{end}", "24:00"))
    start = tenant.now
    tenant.send(alert("Slow", starts=start, team="db"))
    hall.settle()
    tenant.apply(NIGHT.replace("{start}", "00:00").replace("{end}", "24:00"))
    hall.settle()
    tenant.send(alert("Slow", "resolved", starts=start, ends=start, team="db"))
    hall.settle()
    assert names(tenant) == [("Slow", "firing")]
    assert tenant.column("SELECT state FROM incident") == ["resolved"]
    tenant.apply(loud.replace("{start}", "00:00").replace("{end}", "24:00"))
    travel(days=40)
    hall.settle()
    assert names(tenant) == [("Slow", "firing"), ("Slow", "resolved")]
    assert tenant.outcomes()[-1] == "notified"


def test_an_escalation_stands_while_an_inhibitor_holds_its_alerts(
    hall: Hall, travel: Callable[..., None]
) -> None:
    rules = RULES.replace("alertname=ClusterDown", "role=source")
    head, rest = escalating.PEOPLE.strip().split("\n", 1)
    routes = ", routes: [{matchers: [role=source], receiver: nowhere}]}"
    rest = rest.replace("receivers:\n", "receivers:\n  - {name: nowhere}\n")
    tenant = escalating.begin(
        hall, f"{head[:-1]}{routes}\n{rest}{escalating.CHAIN}{rules}", cluster="a"
    )
    start = tenant.now
    tenant.send(alert("Source", starts=start, role="source", cluster="a"))
    travel(minutes=5, seconds=5)
    hall.settle()
    assert escalating.who(tenant) == ["anna"]
    tenant.send(alert("Source", "resolved", starts=start, ends=start, role="source", cluster="a"))
    travel(minutes=5)
    hall.settle()
    assert escalating.who(tenant) == ["anna", "ben"]
