"""Escalations where several things happen at once."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable

import pytest

from tests.actors import escalating
from tests.actors.conftest import Hall, Tenant
from tests.actors.escalating import PEOPLE, act, begin, fire, over, paged, policy, who
from tocsin.demo.fakes import faults
from tocsin.storage import incidents, regrouping

Travel = Callable[..., None]


def test_news_that_came_after_the_last_step_is_explained(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]"))
    travel(minutes=1)
    fire(tenant, disk="b")
    hall.settle()
    assert who(tenant) == ["anna"]
    travel(minutes=5)
    hall.settle()
    assert escalating.state(tenant) == "exhausted"
    rows = tenant.rows("SELECT * FROM alert_event ORDER BY id LIMIT 2")
    assert [row["outcome"] for row in rows] == ["notified", "grouped"]


def test_whose_turn_it_is_goes_on_within_one_drain(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant(policy("{notify: [{person: anna}, {person: ben}], round_robin: true}"))
    fire(tenant, "Disk")
    fire(tenant, "Net")
    # Not one by one, as after a failure.
    monkeypatch.setattr(hall.module("_piecemeal"), "_one_by_one", lambda *_: False)
    hall.settle()
    assert sorted(who(tenant)) == ["anna", "ben"]


LATER = PEOPLE.replace(
    '{name: anna, webhook: "{hook}/anna"}',
    '{name: anna, webhook: "{hook}/anna", notify: {important: [{by: webhook, after: 4m}]}}',
)


def test_a_page_that_fails_while_a_later_one_waits_is_not_put_off(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(
        hall, policy("notify: [{person: anna}]\nwait: 5m\nnotify: [{team: db}]", rest=LATER)
    )
    travel(minutes=5)
    deliver, errands = hall.module("deliver"), hall.module("_errands")
    (errand,) = errands.claim(hall.runtime, "webhook", "page")
    hall.ring("escalate", queue="page")
    hall.providers.script.add(
        faults.Fault("status", status=503, times=1), dest=f"{tenant.dest}/anna"
    )
    deliver._send(hall.runtime, errand, math.inf)
    errands.in_flight.done(errand.row, well=True)
    travel(minutes=1)
    hall.settle()
    assert who(tenant).count("anna") == 1


def test_who_was_paged_hears_of_the_end_through_two_merges(hall: Hall) -> None:
    tenant = hall.tenant(policy("notify: [{person: anna}]"))
    fire(tenant, "A", severity="critical")
    hall.settle()
    first = tenant.one("SELECT id FROM incident")
    for name in ("B", "C"):
        fire(tenant, name, severity="critical")
        hall.settle()
        into = tenant.one("SELECT id FROM incident ORDER BY opened_at DESC, id DESC LIMIT 1")
        with hall.record.session([tenant.id]) as tx:
            regrouping.merge(tx, tenant.id, into, [first], "ann")
        first = into
        hall.settle()
    assert paged(tenant) == [("anna", "first")] * 3
    for name in ("A", "B", "C"):
        over(tenant, name, severity="critical")
    hall.settle()
    assert paged(tenant)[3:] == [("anna", "resolved")] * 3, "for each that was paged"


TOGETHER = "incidents:\n  correlate: [{name: near, labels: [node]}]\n"


def test_a_part_that_goes_its_own_way_is_escalated_on_its_own(hall: Hall, travel: Travel) -> None:
    steps = "notify: [{person: anna}]\nwait: 5m\nnotify: [{person: ben}]\nwait: 9h"
    tenant = begin(hall, policy(steps, rest=PEOPLE + TOGETHER), node="n1")
    fire(tenant, "Net", node="n1")
    hall.settle()
    (whole,) = tenant.column("SELECT id FROM incident")
    (other,) = tenant.column(
        "SELECT m.group_id FROM incident_group m JOIN incident i ON i.id = m.incident_id"
        " WHERE m.group_id <> i.group_id"
    )
    with hall.record.session([tenant.id]) as tx:
        made = regrouping.split(tx, tenant.id, whole, [other], "ann")
    act(tenant, incidents.acknowledge, whole)
    hall.settle()
    assert who(tenant) == ["anna"]
    travel(minutes=6)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    assert tenant.one("SELECT incident_id FROM delivery WHERE person = 'ben'") == made["id"]


TWO = PEOPLE.replace(
    "group_interval: 0s}",
    "group_interval: 0s,"
    " routes: [{matchers: ['alertname=Net'], receiver: net, group_by: [alertname]}]}",
).replace("  - name: ops\n", "  - {name: net, escalation: second}\n  - name: ops\n")
SECOND = """  - name: second
    steps: [{wait: 9m}, {notify: [{person: ben}]}, {wait: 9h}]
"""


def test_the_end_of_one_escalation_leaves_the_others_of_its_incident(
    hall: Hall, travel: Travel
) -> None:
    """Whoever has it is told that it became worse, by each of the escalations."""
    steps = "notify: [{person: anna}]\nwait: 5m\nnotify: [{person: carl}]\nwait: 9h"
    tenant = begin(hall, policy(steps, rest=TWO + TOGETHER) + SECOND, severity="warning", node="n1")
    fire(tenant, "Net", severity="warning", node="n1")
    hall.settle()
    (whole,) = tenant.column("SELECT id FROM incident")
    act(tenant, incidents.acknowledge, whole)
    hall.settle()
    for name in ("Disk", "Net"):
        fire(tenant, name, severity="critical", node="n1", disk="b")
        hall.settle()
    assert who(tenant) == ["anna", "anna"]
    travel(minutes=6)
    hall.settle()
    states = tenant.rows("SELECT name, state FROM escalation ORDER BY name")
    assert [row["state"] for row in states] == ["stopped", "running"]
    travel(minutes=4)
    hall.settle()
    assert who(tenant) == ["anna", "anna", "ben"], "carl need not come: it is acknowledged"


def merged(hall: Hall, tenant: Tenant, into: int = 0, other: int = -1) -> uuid.UUID:
    """One incident is merged into another, by which was opened first; alarms do not count."""
    ids = tenant.column(
        "SELECT i.id FROM incident i JOIN alert_group g ON g.id = i.group_id"
        " WHERE position('TocsinEscalation' IN g.labels) = 0 ORDER BY i.opened_at, i.id"
    )
    with hall.record.session([tenant.id]) as tx:
        regrouping.merge(tx, tenant.id, ids[into], [ids[other]], "ann")
    hall.settle()
    return uuid.UUID(str(ids[into]))


def test_merged_into_one_that_nobody_answered_it_goes_on_to_page(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]\nwait: 5m\nnotify: [{person: ben}]"))
    for _ in range(2):
        travel(minutes=6)
        hall.settle()
    assert escalating.state(tenant) == "exhausted"
    fire(tenant, "Net", severity="critical")
    hall.settle()
    first = merged(hall, tenant)
    assert paged_of(tenant, first) == ["anna", "ben"]
    travel(minutes=6)
    hall.settle()
    assert paged_of(tenant, first) == ["anna", "ben", "ben"], "the next step of the one that came"
    act(tenant, incidents.acknowledge, first)
    hall.settle()
    assert standing(tenant) == []


def test_what_nobody_answered_pages_again_where_it_was_merged(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("notify: [{person: ben}]", rest=TWO) + SECOND)
    travel(minutes=6)
    hall.settle()
    assert escalating.state(tenant) == "exhausted"
    assert len(standing(tenant)) == 1
    fire(tenant, "Net", severity="critical")
    hall.settle()
    other = merged(hall, tenant, -1, 0)
    assert standing(tenant) == [], "the alarm is about an incident that is over"
    travel(minutes=6)
    hall.settle()
    assert paged_of(tenant, other) == ["ben"]
    travel(minutes=6)
    hall.settle()
    assert len(standing(tenant)) == 1, "and if nobody acts, there is one again"


def paged_of(tenant: Tenant, incident: uuid.UUID) -> list[str]:
    """Whom escalations of this incident told; its alarm is an incident of its own."""
    return tenant.column(
        "SELECT person FROM delivery WHERE facts IS NOT NULL AND incident_id = %s ORDER BY id",
        incident,
    )


def standing(tenant: Tenant) -> list[str]:
    """The alarms about escalations that nobody answered."""
    found = tenant.column(
        "SELECT fingerprint FROM alert WHERE status = 'firing'"
        " AND position('TocsinEscalationExhausted' IN labels) > 0"
    )
    return [str(each) for each in found]
