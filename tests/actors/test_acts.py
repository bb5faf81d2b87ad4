"""What people do to an incident, from the page to its end, told in virtual time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.actors.conftest import Hall, Tenant, alert
from tocsin import errors
from tocsin.demo.fakes import faults
from tocsin.storage import incidents

POLICY = """
route:
  {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s, repeat_interval: 8h}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
    slack: [{channel: C0OPS, token_env: bot, api_url: "{slack}"}]
accounts:
  webhook: {}
people:
  - {name: anna, webhook: "{hook}-anna", zone: Europe/Berlin}
  - name: ben
    webhook: "{hook}-ben"
    notify: {important: [{by: webhook}, {by: webhook, after: 5m}]}
  - {name: carl, email: carl@example.org}
incidents: {ack_timeout: TIMEOUT}
"""

Travel = Callable[..., None]


@pytest.fixture
def ours(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    tenant = hall.tenant(POLICY.replace("incidents: {ack_timeout: TIMEOUT}\n", ""))
    monkeypatch.setenv(f"TOCSIN_SECRET_{tenant.slug.upper()}__BOT", "xoxb-fake")
    return tenant


@pytest.fixture
def begun(hall: Hall, ours: Tenant) -> uuid.UUID:
    return begin(hall, ours)


def begin(hall: Hall, tenant: Tenant) -> uuid.UUID:
    """An incident of which everybody has been told."""
    tenant.send(alert(severity="critical"))
    hall.settle()
    return uuid.UUID(str(tenant.one("SELECT id FROM incident")))


def do(hall: Hall, tenant: Tenant, act: Any, *args: Any, **more: Any) -> dict[str, Any]:
    """An act of the storage, and all that follows from it."""
    with hall.record.session([tenant.id]) as tx:
        done: dict[str, Any] = act(tx, tenant.id, *args, **more)
    hall.settle()
    return done


def state(tenant: Tenant) -> tuple[str, str | None]:
    """Of the incident that it began with: what reaches nobody raises another."""
    [row] = tenant.rows(
        "SELECT state, acknowledged_by FROM incident WHERE merged_into IS NULL"
        " ORDER BY opened_at, id LIMIT 1"
    )
    return row["state"], row["acknowledged_by"]


def reasons(tenant: Tenant) -> list[str]:
    return [body["incident"]["reason"] for body in tenant.told()]


def told_to(tenant: Tenant, person: str) -> list[Any]:
    calls = tenant.hall.providers.ledger.calls(dest=f"{tenant.dest}-{person}")
    return [call.body["incident"] for call in calls if call.effect and call.seen <= 1]


def kinds(tenant: Tenant) -> list[str]:
    found = tenant.column("SELECT kind FROM timeline ORDER BY id")
    return [kind for kind in found if kind not in ("notified", "opened")]


def test_taken_back_it_is_told_again(hall: Hall, ours: Tenant, begun: uuid.UUID) -> None:
    do(hall, ours, incidents.acknowledge, begun, "anna")
    for _ in range(2):
        row = do(hall, ours, incidents.unacknowledge, begun, "anna", "wrong one")
    assert state(ours) == ("open", None)
    assert row["generation"] == 2
    assert reasons(ours) == ["first", "reopened"]
    assert kinds(ours) == ["acknowledged", "unacknowledged"]


def test_a_message_that_changes_in_place_shows_it(
    hall: Hall, ours: Tenant, begun: uuid.UUID
) -> None:
    def last() -> str:
        return str(ours.column(
            "SELECT n.reason FROM delivery d JOIN notification n ON n.tenant = d.tenant"
            " AND n.id = d.notification_id WHERE d.channel = 'slack' AND d.state = 'sent'"
            " ORDER BY d.id"
        )[-1])  # fmt: skip

    do(hall, ours, incidents.acknowledge, begun, "anna")
    assert last() == "acknowledged"
    do(hall, ours, incidents.unacknowledge, begun, "anna")
    assert last() == "reopened"


def test_a_snooze_ends(hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel) -> None:
    do(hall, ours, incidents.snooze, begun, "anna", lasts=timedelta(minutes=30))
    assert state(ours) == ("acknowledged", "anna")
    travel(minutes=29)
    hall.settle()
    assert state(ours) == ("acknowledged", "anna")
    assert reasons(ours) == ["first"]
    travel(minutes=1)
    hall.settle()
    assert state(ours) == ("open", None)
    assert reasons(ours) == ["first", "reopened"]
    assert kinds(ours) == ["snoozed", "woke"]


def test_the_last_snooze_counts(hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel) -> None:
    do(hall, ours, incidents.snooze, begun, "anna", lasts=timedelta(minutes=5))
    do(hall, ours, incidents.snooze, begun, "anna", lasts=timedelta(hours=2))
    travel(minutes=30)
    hall.settle()
    assert state(ours) == ("acknowledged", "anna")


@pytest.mark.parametrize(
    ("act", "args", "ends"),
    [
        (incidents.acknowledge, ("ben",), ("acknowledged", "ben")),
        (incidents.resolve, ("ben",), ("resolved", "anna")),
    ],
)
def test_who_acts_meanwhile_ends_the_snooze(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel,
    act: Any, args: tuple[str, ...], ends: tuple[str, str],
) -> None:  # fmt: skip
    do(hall, ours, incidents.snooze, begun, "anna", lasts=timedelta(minutes=30))
    do(hall, ours, act, begun, *args)
    travel(hours=1)
    hall.settle()
    assert state(ours) == ends
    assert "woke" not in kinds(ours)
    assert "reopened" not in reasons(ours)


def test_redis_forgets_a_snooze_and_it_ends_all_the_same(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel
) -> None:
    do(hall, ours, incidents.snooze, begun, "anna", lasts=timedelta(minutes=30))
    hall.broker.client.flushdb()
    travel(minutes=31)
    with hall.record.claims() as tx:
        due = tx.rows("SELECT work FROM due_work()")
    assert {"work": "snooze"} in due
    hall.ring("wake", queue="page")
    assert state(ours) == ("open", None)


def test_alerts_that_end_a_snoozed_incident_end_the_snooze(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel
) -> None:
    do(hall, ours, incidents.snooze, begun, "anna", lasts=timedelta(minutes=30))
    ours.send(alert(status="resolved", severity="critical", ends=ours.now))
    hall.settle()
    assert state(ours)[0] == "resolved"
    travel(hours=1)
    hall.settle()
    assert state(ours)[0] == "resolved"


def test_an_acknowledgement_that_is_left_alone_opens_again(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(POLICY.replace("TIMEOUT", "1h").replace(SLACK, ""))
    begun = begin(hall, tenant)
    row = do(hall, tenant, incidents.acknowledge, begun, "anna", timeout=timedelta(hours=1))
    assert row["reopens_at"] - row["acknowledged_at"] == timedelta(hours=1)
    travel(minutes=59)
    hall.settle()
    assert state(tenant) == ("acknowledged", "anna")
    travel(minutes=1)
    hall.settle()
    assert state(tenant) == ("open", None)
    assert kinds(tenant) == ["acknowledged", "lapsed"]
    assert reasons(tenant) == ["first", "reopened"]


SLACK = '    slack: [{channel: C0OPS, token_env: bot, api_url: "{slack}"}]\n'


def test_reopened_by_hand(hall: Hall, ours: Tenant, begun: uuid.UUID) -> None:
    do(hall, ours, incidents.resolve, begun, "anna")
    for _ in range(2):
        do(hall, ours, incidents.reopen, begun, "ben", "still broken")
    assert state(ours) == ("open", None)
    assert reasons(ours)[-1] == "reopened"
    assert kinds(ours) == ["resolved", "reopened_by"]
    assert len(ours.rows("SELECT 1 FROM incident")) == 1


def test_what_does_not_fire_is_not_reopened(hall: Hall, ours: Tenant, begun: uuid.UUID) -> None:
    ours.send(alert(status="resolved", severity="critical", ends=ours.now))
    hall.settle()
    with pytest.raises(errors.Conflict, match="nothing of this incident fires"):
        do(hall, ours, incidents.reopen, begun, "ben")
    assert state(ours)[0] == "resolved"


def test_handed_over_pages_just_that_person(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel
) -> None:
    do(hall, ours, incidents.acknowledge, begun, "anna")
    for _ in range(2):
        do(hall, ours, incidents.hand_over, begun, "anna", "you know this one", to="ben")
    assert state(ours) == ("acknowledged", "ben")
    [page] = told_to(ours, "ben")
    assert page["reason"] == "handed_over"
    assert page["why"] == "anna handed this over to you: you know this one"
    assert "/a/" in page["act_url"]
    assert reasons(ours) == ["first"]
    assert kinds(ours) == ["acknowledged", "handed_over"]
    travel(minutes=6)
    hall.settle()
    assert len(told_to(ours, "ben")) == 2, "the second way, for ben has not answered"


def test_who_answers_is_not_told_by_further_ways(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel
) -> None:
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    do(hall, ours, incidents.acknowledge, begun, "ben")
    travel(minutes=6)
    hall.settle()
    assert len(told_to(ours, "ben")) == 1


def test_taken_back_before_it_was_handed_over_pages_nobody(
    hall: Hall, ours: Tenant, begun: uuid.UUID
) -> None:
    with hall.record.session([ours.id]) as tx:
        incidents.hand_over(tx, ours.id, begun, "anna", to="ben")
    with hall.record.session([ours.id]) as tx:
        incidents.resolve(tx, ours.id, begun, "anna")
    hall.settle()
    assert told_to(ours, "ben") == []


def test_handed_to_somebody_whom_nothing_reaches_it_is_open_again(
    hall: Hall, ours: Tenant, begun: uuid.UUID
) -> None:
    """The API refuses that; but the policy may change in between."""
    do(hall, ours, incidents.hand_over, begun, "anna", to="carl")
    assert state(ours) == ("open", None)
    assert kinds(ours) == ["handed_over", "unreachable"]
    assert reasons(ours)[-1] == "reopened"


def test_handed_over_by_pages_that_do_not_arrive_it_is_open_again(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel
) -> None:
    hall.providers.script.add(faults.Fault("status", status=410), dest=f"{ours.dest}-ben")
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    assert state(ours) == ("acknowledged", "ben"), "there is a second way"
    travel(minutes=5)
    hall.settle()
    assert state(ours) == ("open", None)
    assert kinds(ours) == ["handed_over", "failover_lost", "unreachable"]
    # In either order: the other one is Tocsin's own alarm, that nothing reaches him.
    assert sorted(reasons(ours)[-2:]) == ["first", "reopened"]


@pytest.mark.parametrize(
    ("act", "more"),
    [
        (incidents.acknowledge, {}),
        (incidents.resolve, {}),
        (incidents.snooze, {"lasts": timedelta(minutes=30)}),
    ],
)
def test_nothing_planned_before_an_act_is_begun_after_it(
    hall: Hall, ours: Tenant, act: Any, more: dict[str, Any]
) -> None:
    ours.send(alert(severity="critical"))
    hall.ring("flush")
    begun = uuid.UUID(str(ours.one("SELECT id FROM incident")))
    do(hall, ours, act, begun, "anna", **more)
    assert told_states(ours)["first"] == {"superseded"}
    assert "first" not in reasons(ours)


def test_a_hand_over_withdraws_what_was_planned_for_all(hall: Hall, ours: Tenant) -> None:
    ours.send(alert(severity="critical"))
    hall.ring("flush")
    begun = uuid.UUID(str(ours.one("SELECT id FROM incident")))
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    assert told_states(ours)["first"] == {"superseded"}
    assert len(told_to(ours, "ben")) == 1


def told_states(tenant: Tenant) -> dict[str, set[str]]:
    """By reason what became of the deliveries."""
    found: dict[str, set[str]] = {}
    for row in tenant.rows(
        "SELECT n.reason, d.state FROM delivery d JOIN notification n ON n.tenant = d.tenant"
        " AND n.id = d.notification_id"
    ):
        found.setdefault(row["reason"], set()).add(row["state"])
    return found


def test_groups_of_one_incident_speak_once(hall: Hall) -> None:
    policy = POLICY.replace(SLACK, "").replace(
        "incidents: {ack_timeout: TIMEOUT}",
        "incidents: {correlate: [{name: host, labels: [host], window: 5m}]}",
    )
    tenant = hall.tenant(policy)
    tenant.send(alert("Disk", severity="critical", host="a"))
    hall.settle()
    tenant.send(alert("Cpu", severity="critical", host="a"))
    hall.settle()
    [begun] = tenant.column("SELECT id FROM incident")
    before = len(reasons(tenant))
    do(hall, tenant, incidents.acknowledge, begun, "anna")
    do(hall, tenant, incidents.unacknowledge, begun, "anna")
    assert reasons(tenant)[before:] == ["reopened"]
