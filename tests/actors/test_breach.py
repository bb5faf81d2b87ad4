"""Service levels in virtual time: warned, missed, kept, paused at night, and told to whom."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from schemas.incident import LevelItem
from tests.actors.conftest import Hall, Tenant
from tests.actors.test_flush import act, fire, over
from tocsin.storage import incidents, service_levels, timelines
from tocsin.web import levels

POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    webhook: [{url: "{hook}-ops"}]
  - name: boss
    webhook: [{url: "{hook}"}]
service_levels:
  - {name: gold, severity: [critical], acknowledge: 15m, resolve: 4h, warn_before: 5m, notify: boss}
"""
OFFICE = """
calendars:
  - name: office
    zone: Europe/Berlin
    hours: [{days: [monday, tuesday, wednesday, thursday, friday], from: "09:00", to: "17:00"}]
"""
LEVELS = "SELECT * FROM service_level ORDER BY clock"
STORY = "SELECT kind FROM timeline WHERE kind LIKE 'level%%' ORDER BY id"
Travel = Callable[..., None]


def said(tenant: Tenant) -> list[tuple[str, str, str]]:
    """What the boss was told: status, alert and clock."""
    return [
        (told["status"], one["labels"]["alertname"], one["labels"]["clock"])
        for told in tenant.told()
        for one in told["alerts"]
    ]


def unacknowledge(tenant: Tenant) -> None:
    """As it is written down by whoever takes an acknowledgement back."""
    with tenant.hall.record.session([tenant.id]) as tx:
        row = tx.row("SELECT * FROM incident")
        assert row is not None
        incidents.write(tx, [{**row, "state": "open", "acknowledged_at": None}])
        timelines.tell(tx, [incidents.entry(row, "unacknowledged", "ann", {})])


def test_nobody_acknowledges_so_it_is_warned_of_missed_and_over(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(POLICY)
    fire(tenant, severity="critical")
    hall.settle()
    opened = tenant.one("SELECT opened_at FROM incident WHERE title LIKE 'Disk%%'")
    ack, resolve = tenant.rows(LEVELS)
    assert (ack["target"], ack["due_at"]) == ("gold", opened + timedelta(minutes=15))
    assert resolve["due_at"] == opened + timedelta(hours=4)
    assert said(tenant) == []
    travel(minutes=10)
    hall.settle()
    assert tenant.column(STORY) == ["level_warned"]
    assert said(tenant) == [("firing", "TocsinServiceLevelAtRisk", "acknowledge")]
    travel(minutes=6)
    hall.settle()
    assert tenant.column(STORY) == ["level_warned", "level_breached"]
    assert ("firing", "TocsinServiceLevelBreached", "acknowledge") in said(tenant)
    [row] = tenant.rows("SELECT * FROM service_level WHERE clock = 'acknowledge'")
    assert row["breached_at"] == opened + timedelta(minutes=15)
    over(tenant, severity="critical")
    hall.settle()
    assert said(tenant)[-1] == ("resolved", "TocsinServiceLevelBreached", "acknowledge")
    ended = {row["clock"]: row for row in tenant.rows(LEVELS)}
    assert ended["resolve"]["breached_at"] is None
    assert {row["due_at"] for row in ended.values()} == {None}
    # What tells of a missed level is an incident itself, about which nothing is promised.
    assert tenant.one("SELECT count(DISTINCT incident_id) FROM service_level") == 1
    assert tenant.column("SELECT kind FROM timer WHERE kind = 'level'") == []


def test_what_is_acknowledged_in_time_is_kept(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(POLICY)
    fire(tenant, severity="critical")
    hall.settle()
    travel(minutes=9)
    act(tenant, incidents.acknowledge)
    hall.settle()
    travel(hours=1)
    hall.settle()
    ack, resolve = tenant.rows(LEVELS)
    assert (ack["breaches"], ack["due_at"], resolve["breaches"]) == (0, None, 0)
    assert tenant.column(STORY) == []


def test_an_acknowledgement_that_comes_late_is_a_breach_though_nobody_looked(
    hall: Hall, travel: Travel
) -> None:
    tenant = hall.tenant(POLICY)
    fire(tenant, severity="critical")
    hall.settle()
    travel(minutes=30)
    act(tenant, incidents.acknowledge)
    hall.settle()
    ack = tenant.rows(LEVELS)[0]
    assert ack["breached_at"] == ack["started_at"] + timedelta(minutes=15)
    assert ack["stopped_at"] >= ack["started_at"] + timedelta(minutes=30)
    # It was found when it was over already: told, and a minute later that it is over.
    missed = ("TocsinServiceLevelBreached", "acknowledge")
    assert said(tenant) == [("firing", *missed)]
    travel(minutes=1)
    hall.settle()
    assert said(tenant)[-1] == ("resolved", *missed)


def test_what_is_given_back_is_counted_on(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(POLICY)
    fire(tenant, severity="critical")
    hall.settle()
    travel(minutes=4)
    act(tenant, incidents.acknowledge)
    hall.settle()
    travel(hours=1)
    unacknowledge(tenant)
    hall.settle()
    left = tenant.rows(LEVELS)[0]["due_at"] - tenant.now
    assert timedelta(minutes=10, seconds=30) < left < timedelta(minutes=11, seconds=1)
    travel(minutes=11, seconds=1)
    hall.settle()
    assert tenant.rows(LEVELS)[0]["breaches"] == 1


def test_the_clock_stands_still_at_night(hall: Hall, travel: Travel) -> None:
    night = OFFICE + "service_levels:\n  - {name: office, acknowledge: 2h, calendar: office}\n"
    tenant = hall.tenant(POLICY.partition("service_levels:")[0] + night)
    # A Monday, one hour before the office closes.
    monday = datetime(2031, 6, 2, 14, tzinfo=UTC)
    hall.travel(monday - tenant.now)
    fire(tenant, severity="critical")
    hall.settle()
    due = tenant.rows(LEVELS)[0]["due_at"]
    assert due - datetime(2031, 6, 3, 8, tzinfo=UTC) < timedelta(minutes=1)
    travel(hours=12)
    hall.settle()
    assert tenant.column(STORY) == []
    travel(hours=7)
    hall.settle()
    assert tenant.column(STORY) == ["level_breached"]


def test_a_new_policy_looks_at_what_is_open(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(POLICY.partition("service_levels:")[0])
    fire(tenant, severity="critical")
    hall.settle()
    assert tenant.rows(LEVELS) == []
    travel(hours=1)
    tenant.apply(POLICY)
    hall.settle()
    assert tenant.column(STORY) == ["level_breached"]
    tenant.apply(POLICY.partition("service_levels:")[0])
    hall.settle()
    # What was missed stays in the record; what was not is forgotten.
    assert tenant.column("SELECT clock FROM service_level") == ["acknowledge"]


def test_what_services_it_is_about_decides_and_is_remembered(hall: Hall, travel: Travel) -> None:
    picky = POLICY.replace("severity: [critical]", "services: [db]")
    tenant = hall.tenant(picky)
    fire(tenant, severity="warning", service="web")
    hall.settle()
    assert tenant.rows(LEVELS) == []
    fire(tenant, severity="warning", service="db")
    hall.settle()
    assert {row["target"] for row in tenant.rows(LEVELS)} == {"gold"}
    over(tenant, severity="warning", service="db")
    hall.settle()
    assert tenant.rows(LEVELS)[0]["services"] == ["db", "web"]
    assert tenant.rows(LEVELS)[0]["due_at"] is not None


def test_people_see_how_the_clocks_stand_and_how_it_will_likely_end(
    hall: Hall, travel: Travel
) -> None:
    tenant = hall.tenant(POLICY)
    fire(tenant, severity="critical")
    hall.settle()
    [ack, resolve] = shown(tenant)
    assert (ack.state, ack.likely, resolve.state) == ("running", "unknown", "running")
    with hall.record.session([tenant.id]) as tx:
        for _ in range(10):
            id, start = uuid.uuid4(), tx.now - timedelta(days=3)
            tx.run(
                "INSERT INTO incident (tenant, id, group_id, title, severity, state, generation,"
                " opened_at, resolved_at) VALUES (%s, %s, %s, 'x', 'critical', 'resolved', 1, %s,"
                " %s)",
                [tenant.id, id, id, start, start + timedelta(hours=1)],
            )
    [ack, resolve] = shown(tenant)
    assert (ack.likely, resolve.likely) == ("breach", "met")
    assert "of the last 10 incidents of this severity half took up to 1h" in ack.sentence
    travel(minutes=16)
    assert shown(tenant)[0].state == "missed"
    hall.settle()
    assert shown(tenant)[0].state == "missed"
    with hall.record.session([tenant.id]) as tx:
        [row] = tx.rows("SELECT id FROM incident WHERE title LIKE 'Disk%%'")
        incidents.resolve(tx, tenant.id, row["id"], "ann")
    hall.settle()
    assert [(each.state, each.likely) for each in shown(tenant)] == [
        ("missed", None), ("kept", None),
    ]  # fmt: skip


def shown(tenant: Tenant) -> list[LevelItem]:
    """The clocks of the incident as the API shows them."""
    with tenant.hall.record.session([tenant.id]) as tx:
        found = tx.row("SELECT * FROM incident WHERE title LIKE 'Disk%%'")
        assert found is not None
        return levels.of(tx, tenant.id, dict(found))


def test_looking_twice_or_for_nothing_changes_nothing(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(POLICY)
    fire(tenant, severity="critical")
    hall.settle()
    travel(minutes=20)
    hall.settle()
    before = (tenant.rows(LEVELS), tenant.column(STORY), said(tenant))
    with hall.record.session([tenant.id]) as tx:
        service_levels.wake_all(tx, tenant.id)
    hall.ring("breach")
    hall.ring("breach")
    hall.settle()
    assert (tenant.rows(LEVELS), tenant.column(STORY), said(tenant)) == before
