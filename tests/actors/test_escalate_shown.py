"""What those who were paged are shown later, and what the API says of an escalation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.escalated import EscalationItem
from tests.actors.conftest import Hall, Tenant
from tests.actors.escalating import PEOPLE, act, begin, fire, over, policy, who
from tocsin.storage import incidents, search_incidents
from tocsin.web import chains

Travel = Callable[..., None]
SLACK = PEOPLE.replace(
    "  webhook: {}\n", '  webhook: {}\n  slack: {token_env: bot, api_url: "{slack}"}\n'
).replace("{name: carl, ", "{name: carl, slack: U123, notify: {important: [{by: slack}]}, ")


@pytest.fixture
def slack(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tenant]:
    def begun(text: str) -> Tenant:
        tenant = hall.tenant(text)
        monkeypatch.setenv(f"TOCSIN_SECRET_{tenant.slug.upper()}__BOT", "xoxb-fake")
        fire(tenant, severity="critical")
        hall.settle()
        return tenant

    return begun


def reasons(tenant: Tenant) -> list[tuple[str, str]]:
    rows = tenant.rows(
        "SELECT n.reason, d.integration, d.state FROM delivery d"
        " JOIN notification n ON n.id = d.notification_id ORDER BY d.created_at, d.id"
    )
    assert {row["state"] for row in rows} == {"sent"}
    return [(row["reason"], row["integration"]) for row in rows]


def test_a_direct_message_shows_who_has_it_and_other_ways_are_left_alone(
    hall: Hall, slack: Callable[..., Tenant]
) -> None:
    tenant = slack(policy("notify: [{person: carl}, {person: anna}]", rest=SLACK))
    assert sorted(reasons(tenant)) == [("first", "@anna/webhook"), ("first", "@carl/slack")]
    act(tenant, incidents.acknowledge)
    hall.settle()
    hall.settle()
    assert reasons(tenant)[2:] == [("acknowledged", "@carl/slack")]
    over(tenant, severity="critical")
    hall.settle()
    assert sorted(reasons(tenant)[3:]) == [
        ("resolved", "@anna/webhook"), ("resolved", "@carl/slack"),
    ]  # fmt: skip
    refs = tenant.column("SELECT DISTINCT ref FROM told WHERE integration = '@carl/slack'")
    assert len(refs) == 1


def test_a_receiver_may_be_told_and_have_an_escalation(hall: Hall, travel: Travel) -> None:
    rest = PEOPLE.replace(
        "    escalation: primary\n",
        '    escalation: primary\n    webhook: [{url: "{hook}/room"}]\n',
    )
    tenant = begin(hall, policy("notify: [{person: anna}]\nwait: 5m", rest=rest))
    assert sorted(who(tenant)) == ["anna", "room"]
    fire(tenant, severity="warning", disk="b")
    hall.settle()
    assert who(tenant).count("room") == 2
    assert who(tenant).count("anna") == 1
    assert tenant.outcomes() == ["notified", "notified"]


def test_the_plan_is_exact(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("""
        notify: [{person: anna}]
        wait: 5m
        notify: [{team: nobody}]
        wait: 5m
        notify: [{team: db}, {receiver: chat}]
    """, repeat=1))  # fmt: skip
    id = tenant.one("SELECT id FROM incident")

    def shown() -> EscalationItem:
        with hall.record.session([tenant.id]) as tx:
            row = search_incidents.incident(tx, tenant.id, id)
            assert row is not None
            (item,) = chains.of_incident(tx, tenant.id, row, 1)
        return item

    item = shown()
    states = [(step.round, step.number, step.state) for step in item.steps]
    assert states == [
        (1, 1, "told"), (1, 2, "skipped"), (1, 3, "planned"),
        (2, 1, "planned"), (2, 2, "skipped"), (2, 3, "planned"),
    ]  # fmt: skip
    assert item.steps[0].who[0].ways[0].state == "sent"
    assert item.steps[2].at == item.next_at
    assert [each.name for each in item.steps[2].who] == ["anna", "ben", "chat"]
    assert "dora" in item.steps[1].missed[0]
    assert item.steps[0].sentence == "Step 1 of 3 (round 1 of 2) told anna."
    foreseen = [(step.number, [w.name for w in step.who]) for step in item.steps]
    assert item.exhausted_at is not None
    for _ in range(5):
        travel(minutes=5, seconds=5)
        hall.settle()
    done = shown()
    assert (done.state, done.exhausted_at, done.next_at) == ("exhausted", None, None)
    assert [(step.number, [w.name for w in step.who]) for step in done.steps] == foreseen
    assert done.sentence == "The escalation primary came to its end before anybody acted."
