"""Escalations: page, wait, page the next; until somebody acts, or nobody is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.actors.conftest import Hall
from tests.actors.escalating import (
    FIRST,
    PEOPLE,
    act,
    begin,
    facts,
    fire,
    over,
    paged,
    policy,
    state,
    steps,
    story,
    who,
)
from tocsin.storage import incidents, silences

Travel = Callable[..., None]


def test_who_does_not_act_is_followed_by_the_next_until_somebody_does(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    assert paged(tenant) == [("anna", "first")]
    travel(minutes=4, seconds=50)
    hall.ring("escalate", queue="page")  # a ring may come at any time: the row decides
    hall.settle()
    assert who(tenant) == ["anna"]
    travel(seconds=20)
    hall.settle()
    assert paged(tenant)[1:] == [("ben", "escalated")]
    act(tenant, incidents.acknowledge)
    travel(minutes=30)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    assert state(tenant) == "stopped"
    assert tenant.outcomes() == ["notified"]
    assert story(tenant) == ["escalation_begun", "escalation_step", "escalation_step"]


def test_the_last_step_tells_a_team_and_a_receiver_each_once_and_then_it_is_exhausted(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    for minutes in (5, 10):
        travel(minutes=minutes, seconds=5)
        hall.settle()
    assert who(tenant)[:2] == ["anna", "ben"]
    assert sorted(who(tenant)[2:]) == ["anna", "ben", "chat"]
    assert state(tenant) == "running"
    travel(minutes=10, seconds=5)
    hall.settle()
    assert state(tenant) == "exhausted"
    assert story(tenant)[-1] == "escalation_exhausted"
    titles = tenant.column("SELECT title FROM incident ORDER BY opened_at")
    assert any("Nobody acted" in title for title in titles)


def test_facts_say_why_this_recipient_is_told_and_who_is_next(hall: Hall) -> None:
    tenant = begin(hall)
    (found,) = facts(tenant)
    due = tenant.one("SELECT due_at FROM escalation")
    assert found.pop("next_at")[:19] == due.isoformat()[:19]
    assert found == {
        "escalation": "primary", "via": "person", "name": "anna", "step": 1, "steps": 3,
        "round": 1, "rounds": 1, "with": [], "next": ["ben"], "urgency": "important",
        "held_until": None,
    }  # fmt: skip
    assert tenant.column("SELECT person FROM delivery") == ["anna"]
    assert tenant.column("SELECT integration FROM delivery") == ["@anna/webhook"]
    assert tenant.column("SELECT queue FROM delivery") == ["page"]


def test_a_schedule_with_nobody_and_people_who_cannot_be_reached_are_passed_by_at_once(
    hall: Hall,
) -> None:
    tenant = begin(hall, policy("""
        notify: [{schedule: empty}]
        wait: 5m
        notify: [{team: nobody}]
        wait: 5m
        notify: [{person: carl}]
    """))  # fmt: skip
    assert who(tenant) == ["carl"]
    assert steps(tenant) == [(1, 0, "skipped"), (1, 2, "skipped"), (1, 4, "told")]
    assert story(tenant)[1:] == ["escalation_skipped", "escalation_skipped", "escalation_step"]


def test_a_wait_behind_somebody_who_was_told_is_kept_although_the_next_step_told_nobody(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall, policy("""
        notify: [{person: anna}]
        notify: [{schedule: empty}]
        wait: 5m
        notify: [{person: ben}]
    """))  # fmt: skip
    assert who(tenant) == ["anna"]
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]


def test_when_nobody_at_all_can_be_told_it_is_exhausted_at_once_and_its_alerts_failed(
    hall: Hall,
) -> None:
    tenant = begin(hall, policy("notify: [{team: nobody}]\nwait: 5m", repeat=3))
    assert (who(tenant), state(tenant)) == ([], "exhausted")
    assert tenant.outcomes()[0] == "failed"
    assert steps(tenant) == [(1, 0, "skipped")]


def test_a_step_whose_condition_does_not_hold_is_passed_by(hall: Hall) -> None:
    chain = """
        notify: [{person: anna}], when: {severity: [critical]}
        notify: [{person: ben}], when: {severity: [warning]}
    """
    lines = "\n".join(f"{{{line.strip()}}}" for line in chain.strip().splitlines())
    tenant = begin(hall, policy(lines), severity="warning")
    assert who(tenant) == ["ben"]
    assert tenant.column("SELECT queue FROM delivery") == ["notify"]


def test_an_alert_is_repeated_to_everybody_in_each_round(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]\nwait: 5m", repeat=2))
    for _ in range(4):
        travel(minutes=5, seconds=5)
        hall.settle()
    assert paged(tenant)[:3] == [("anna", "first"), ("anna", "escalated"), ("anna", "escalated")]
    assert steps(tenant) == [(1, 0, "told"), (2, 0, "told"), (3, 0, "told")]
    assert state(tenant) == "exhausted"


def test_turns_go_round_by_incident(hall: Hall) -> None:
    text = policy("{notify: [{team: db}, {person: carl}], round_robin: true}")
    tenant = begin(hall, text)
    for name in ("Load", "Heat", "Rain"):
        fire(tenant, name, severity="critical")
        hall.settle()
    assert who(tenant) == ["anna", "ben", "carl", "anna"]


def test_two_ways_to_one_person_are_one_page(hall: Hall) -> None:
    tenant = begin(hall, policy("notify: [{person: ben}, {team: db}, {person: ben}]"))
    assert sorted(who(tenant)) == ["anna", "ben"]


def test_who_is_told_by_two_steps_at_once_gets_one_page_that_tells_for_both(hall: Hall) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]\nnotify: [{team: db}]"))
    assert sorted(who(tenant)) == ["anna", "ben"]
    assert tenant.column("SELECT state FROM delivery ORDER BY state") == [
        "sent", "sent", "superseded",
    ]  # fmt: skip
    assert tenant.outcomes() == ["notified"]


def test_what_becomes_worse_begins_again_from_the_top(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, severity="warning")
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    fire(tenant, severity="critical", disk="b")
    hall.settle()
    assert paged(tenant)[2:] == [("anna", "new_alerts")]
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant)[3:] == ["ben"]


def test_news_page_nobody_but_the_next_step_tells_of_them(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    fire(tenant, severity="warning", disk="b")
    hall.settle()
    assert who(tenant) == ["anna"]
    assert tenant.outcomes() == ["notified", None]
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    assert tenant.outcomes() == ["notified", "notified"]
    calls = hall.providers.ledger.calls(dest=f"{tenant.dest}/ben")
    assert len(calls[0].body["alerts"]) == 2


def test_news_of_what_somebody_has_are_explained_and_page_nobody(hall: Hall) -> None:
    tenant = begin(hall)
    act(tenant, incidents.acknowledge)
    fire(tenant, severity="warning", disk="b")
    hall.settle()
    assert who(tenant) == ["anna"]
    assert tenant.outcomes() == ["notified", "grouped"]


def test_what_becomes_worse_although_somebody_has_it_is_told_once(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall, severity="warning")
    act(tenant, incidents.acknowledge)
    fire(tenant, severity="critical", disk="b")
    hall.settle()
    assert who(tenant) == ["anna", "anna"]
    travel(minutes=30)
    hall.settle()
    assert (who(tenant), state(tenant)) == (["anna", "anna"], "stopped")


def test_the_end_is_told_to_those_who_were_paged_and_to_nobody_else(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    travel(minutes=5, seconds=5)
    hall.settle()
    over(tenant, severity="critical")
    hall.settle()
    assert sorted(paged(tenant)[2:]) == [("anna", "resolved"), ("ben", "resolved")]
    travel(minutes=30)
    hall.settle()
    assert len(paged(tenant)) == 4
    assert tenant.outcomes() == ["notified", "notified"]


def test_a_person_who_resolves_it_ends_it_for_all_who_were_paged_once(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    act(tenant, incidents.resolve)
    hall.settle()
    assert paged(tenant) == [("anna", "first"), ("anna", "resolved")]
    over(tenant, severity="critical")
    hall.settle()
    travel(minutes=30)
    hall.settle()
    assert len(paged(tenant)) == 2


def test_a_later_way_waits_and_an_acknowledgement_calls_it_off(hall: Hall, travel: Travel) -> None:
    rest = PEOPLE.replace(
        '{name: anna, webhook: "{hook}/anna"}',
        '{name: anna, webhook: "{hook}/anna", notify: {important: [{by: webhook, after: 2m}]}}',
    )
    tenant = begin(hall, policy("notify: [{person: anna}]", rest=rest))
    assert tenant.column("SELECT state FROM delivery") == ["pending"]
    act(tenant, incidents.acknowledge)
    travel(minutes=3)
    hall.settle()
    assert who(tenant) == []
    assert tenant.column("SELECT state FROM delivery") == ["superseded"]
    assert tenant.outcomes() == ["superseded"]


def test_quiet_hours_hold_a_page_and_say_so(hall: Hall) -> None:
    rest = PEOPLE.replace(
        '{name: ben, webhook: "{hook}/ben"}',
        '{name: ben, webhook: "{hook}/ben", quiet: [{from: "00:00", to: "24:00", days: ['
        '{day}], important: true}]}',
    )  # fmt: skip
    probe = hall.tenant(None)
    day = f"{probe.now:%A}".lower()
    tenant = begin(hall, policy("notify: [{person: ben}]", rest=rest.replace("{day}", day)))
    (row,) = tenant.rows("SELECT * FROM delivery")
    assert row["state"] == "pending"
    assert row["cause"].startswith("Held until ")
    assert row["due_at"] > tenant.now


def test_the_policy_may_change_and_what_runs_goes_on_as_it_was(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    tenant.apply(policy("notify: [{person: carl}]"))
    hall.ring("reroute")
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]


def test_what_a_step_names_and_the_policy_has_no_more_is_passed_by_and_said(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall, policy("""
        notify: [{person: anna}]
        wait: 5m
        notify: [{receiver: chat}]
        wait: 5m
        notify: [{person: ben}]
    """))  # fmt: skip
    gone = PEOPLE.replace('  - {name: chat, webhook: [{url: "{hook}/chat"}]}\n', "")
    tenant.apply(policy("notify: [{person: anna}]", rest=gone))
    hall.ring("reroute")
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    detail = tenant.column("SELECT detail FROM escalation_step WHERE outcome = 'skipped'")
    assert '"why":"gone"' in detail[0]


ALARMS = (
    "SELECT e.status FROM alert_event e JOIN alert a ON a.fingerprint = e.fingerprint"
    " AND a.tenant = e.tenant WHERE a.labels LIKE '%%TocsinEscalationExhausted%%'"
    " AND e.kind <> 'repeat' ORDER BY e.id"
)


def test_an_exhausted_escalation_begins_again_with_the_repeat_and_alarms_once(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]"))
    travel(minutes=6)
    hall.settle()
    assert state(tenant) == "exhausted"
    assert tenant.column(ALARMS) == ["firing"]
    before = len(who(tenant))
    travel(hours=4, minutes=1)
    hall.settle()
    assert len(who(tenant)) > before
    assert tenant.one(f"SELECT run FROM escalation WHERE incident_id = {FIRST}") == 2
    for _ in range(5):
        travel(minutes=6)
        hall.settle()
    assert tenant.column(ALARMS) == ["firing"]
    assert state(tenant) == "exhausted"


def test_the_alarm_is_over_when_somebody_acts_after_all(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]"))
    travel(minutes=6)
    hall.settle()
    act(tenant, incidents.acknowledge, tenant.one(f"SELECT {FIRST}"))
    hall.settle()
    assert tenant.column(ALARMS) == ["firing", "resolved"]
    assert tenant.column("SELECT state FROM incident ORDER BY opened_at") == [
        "acknowledged", "resolved",
    ]  # fmt: skip


def test_while_it_runs_a_repeat_does_nothing(hall: Hall, travel: Travel) -> None:
    slow = PEOPLE.replace("group_interval: 0s", "group_interval: 0s, repeat_interval: 1m")
    tenant = begin(hall, policy("notify: [{person: anna}]\nwait: 10m", rest=slow))
    for _ in range(5):
        travel(minutes=1, seconds=5)
        hall.settle()
    assert who(tenant) == ["anna"]


def test_a_silence_holds_the_next_step_until_it_is_over(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    with hall.record.session([tenant.id]) as tx:
        silences.create(
            tx, tenant.id, matchers=["alertname=Disk"], starts_at=tx.now,
            ends_at=tx.now + timedelta(minutes=20), comment="work", by="ann",
        )  # fmt: skip
    travel(minutes=5, seconds=5)
    hall.settle()
    travel(minutes=5)
    hall.settle()
    assert who(tenant) == ["anna"]
    assert story(tenant).count("escalation_held") == 1
    travel(minutes=11)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
