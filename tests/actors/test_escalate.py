"""Escalations: page, wait, page the next; until somebody acts, or nobody is left."""

from __future__ import annotations

from collections.abc import Callable

from tests.actors.conftest import Hall
from tests.actors.escalating import (
    CHAIN,
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
from tocsin.storage import incidents

Travel = Callable[..., None]


def test_who_does_not_act_is_followed_by_the_next_until_somebody_does(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    assert paged(tenant) == [("anna", "first")]
    travel(minutes=4, seconds=50)
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
