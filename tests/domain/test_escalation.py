"""Escalations: who is told by which step, what is passed by, when the next one comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.escalation import Condition, Escalation
from schemas.holidays import Holidays
from schemas.people import Person, Team
from tocsin.domain import escalation, escalation_conditions, oncall, routing
from tocsin.domain.escalation import Known, Matter, Place, World
from tocsin.domain.policy import Integration, Policy, Receiver

NOW = datetime(2026, 3, 2, 3, 7, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)
MATTER = Matter("critical", 1)
ROOT = routing.Route("r", "ops", (), False, (), MINUTE, MINUTE, MINUTE)
PEOPLE = ("anna", "ben", "carl", "dora")


def chain(*steps: dict[str, Any], repeat: int = 0) -> Escalation:
    return Escalation.model_validate({"name": "primary", "steps": list(steps), "repeat": repeat})


def notify(*names: str, **more: Any) -> dict[str, Any]:
    targets = [dict([name.split(":")]) if ":" in name else {"person": name} for name in names]
    return {"notify": targets, **more}


def wait(text: str = "5m", **more: Any) -> dict[str, Any]:
    return {"wait": text, **more}


def world(overrides: Sequence[oncall.Override] = (), **turns: int) -> World:
    """Dora cannot be reached."""
    people = tuple(Person(name=name) for name in PEOPLE)
    contacts = {f"@{name}/sms": Integration(f"@{name}/sms", "sms", None) for name in PEOPLE[:3]}
    chat = Receiver("chat", (Integration("chat/slack/0", "slack", None),))
    policy = Policy(
        ROOT, {"ops": Receiver("ops"), "chat": chat, "mute": Receiver("mute")}, people=people,
        contacts=contacts, teams={"db": Team(name="db", people=["anna", "ben"])},
        schedules={"week": oncall.Schedule("week", "UTC")},
        holidays={"never": Holidays(name="never"), "day": Holidays(name="day", days=[NOW.date()])},
    )  # fmt: skip
    return World(policy, overrides, {int(key[1:]): turn for key, turn in turns.items()})


def told(made: escalation.Walk) -> list[list[str]]:
    return [[each.name for each in done.told] for done in made.done]


def missed(made: escalation.Walk) -> list[str]:
    return [each.why for done in made.done for each in done.untold]


def test_a_wait_puts_the_next_step_off() -> None:
    made = escalation.walk(
        chain(notify("anna"), wait(), notify("ben")), Place(), MATTER, world(), NOW
    )
    assert (told(made), made.following, made.due_at) == ([["anna"]], Place(1, 2), NOW + 5 * MINUTE)


def test_a_chain_may_begin_with_a_wait() -> None:
    made = escalation.walk(chain(wait(), notify("ben")), Place(), MATTER, world(), NOW)
    assert (told(made), made.following, made.due_at) == ([], Place(1, 1), NOW + 5 * MINUTE)


@pytest.mark.parametrize(
    ("steps", "due", "following"),
    [
        ([notify("anna")], escalation.PATIENCE, Place(2)),
        ([notify("ben"), wait("7m"), notify("anna")], 7 * MINUTE, Place(2)),
        ([notify("ben"), wait("7m"), notify("anna"), wait("9m")], 9 * MINUTE, Place(2)),
    ],
)  # fmt: skip
def test_the_last_step_has_time_to_be_answered(
    steps: list[dict[str, Any]], due: timedelta, following: Place
) -> None:
    start = Place(1, len(steps) - 1 if "notify" in steps[-1] else len(steps) - 2)
    made = escalation.walk(chain(*steps), start, MATTER, world(), NOW)
    assert (told(made), made.due_at, made.following) == ([["anna"]], NOW + due, following)
    over = escalation.walk(chain(*steps), following, MATTER, world(), NOW + due)
    assert (over.done, over.due_at) == ((), None)


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (notify("schedule:week"), "nobody"),
        (notify("dora"), "unreachable"),
        (notify("erik"), "gone"),
        (notify("team:gone"), "gone"),
        (notify("schedule:gone"), "gone"),
        (notify("receiver:gone"), "gone"),
        (notify("receiver:mute"), "nobody"),
        (notify("anna", when={"severity": ["warning"]}), "condition"),
    ],
)
def test_who_cannot_be_told_is_passed_by_with_the_wait_behind(
    step: dict[str, Any], why: str
) -> None:
    made = escalation.walk(chain(step, wait(), notify("ben")), Place(), MATTER, world(), NOW)
    assert (told(made), missed(made)) == ([[], ["ben"]], [why])


def test_a_round_in_which_nobody_can_be_told_is_the_last() -> None:
    vain = chain(wait(), notify("dora"), wait(), notify("schedule:week"), repeat=20)
    made = escalation.walk(vain, Place(1, 1), MATTER, world(), NOW)
    assert made.due_at is None
    assert len(made.done) <= 4


def test_the_round_goes_on_where_an_earlier_step_can_tell_somebody() -> None:
    some = chain(notify("anna"), wait(), notify("dora"), repeat=1)
    made = escalation.walk(some, Place(1, 2), MATTER, world(), NOW)
    assert (told(made), made.following) == ([[], ["anna"]], Place(2, 2))


def test_who_is_on_call_is_asked_at_the_moment_of_the_step() -> None:
    stands_in = oncall.Override("week", "carl", NOW, NOW + MINUTE)
    week = chain(notify("schedule:week"))
    made = escalation.walk(week, Place(), MATTER, world([stands_in]), NOW)
    (one,) = made.done[0].told
    assert (one.name, one.via, one.by_name) == ("carl", "schedule", "week")
    later = escalation.walk(week, Place(), MATTER, world([stands_in]), NOW + MINUTE)
    assert missed(later) == ["nobody"]


def test_a_schedule_that_cannot_be_read_keeps_nobody_else_from_being_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> tuple[str, ...]:
        raise ValueError("an odd calendar")

    monkeypatch.setattr(oncall, "who", fails)
    both = chain(notify("schedule:week", "ben"))
    made = escalation.walk(both, Place(), MATTER, world(), NOW)
    assert (told(made), missed(made)) == ([["ben"]], ["broken"])


def test_one_person_by_two_targets_is_told_once() -> None:
    made = escalation.walk(chain(notify("ben", "team:db", "ben")), Place(), MATTER, world(), NOW)
    assert told(made) == [["ben", "anna"]]


@pytest.mark.parametrize(("turn", "who"), [(0, "anna"), (1, "ben"), (2, "carl"), (3, "anna")])
def test_turns_pass_by_who_cannot_be_reached(turn: int, who: str) -> None:
    goes_round = chain(notify("anna", "dora", "ben", "carl", round_robin=True))
    made = escalation.walk(goes_round, Place(), MATTER, world(s0=turn), NOW)
    assert (told(made), made.done[0].turn) == ([[who]], turn % 3 + 1)


def test_the_next_is_foreseen_over_what_tells_nobody_with_turns() -> None:
    goes_round = chain(
        notify("anna", "ben", round_robin=True), wait(), notify("dora"), wait(), repeat=1
    )
    here = world()
    made = escalation.walk(goes_round, Place(), MATTER, here, NOW)
    ahead = escalation.next_told(goes_round, made, MATTER, here)
    assert ahead is not None
    assert ([each.name for each in ahead[0].told], ahead[1]) == (["ben"], NOW + 5 * MINUTE)


def test_nobody_is_next_after_the_last() -> None:
    last = chain(notify("anna"))
    made = escalation.walk(last, Place(), MATTER, world(), NOW)
    assert escalation.next_told(last, made, MATTER, world()) is None


@pytest.mark.parametrize(
    ("step", "severity", "urgency"),
    [
        (notify("anna"), "critical", "important"),
        (notify("anna"), "error", "default"),
        (notify("anna", urgency="important"), "info", "important"),
        (notify("anna", urgency="default"), "critical", "default"),
    ],
)
def test_critical_is_important_unless_the_step_says_otherwise(
    step: dict[str, Any], severity: Any, urgency: str
) -> None:
    made = escalation.walk(chain(step), Place(), Matter(severity, 1), world(), NOW)
    assert made.done[0].urgency == urgency


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"severity": ["critical"]}, True),
        ({"severity": ["error", "warning"]}, False),
        ({"weekdays": ["monday"]}, True),
        ({"weekdays": ["sunday"]}, False),
        ({"weekdays": ["sunday"], "zone": "America/New_York"}, True),
        ({"from": "03:07", "to": "03:08"}, True),
        ({"from": "03:00", "to": "03:07"}, False),
        ({"from": "22:00", "to": "06:00"}, True),
        ({"from": "22:00", "to": "03:07"}, False),
        ({"from": "04:00", "to": "05:00", "zone": "Europe/Berlin"}, True),
        ({"from": "00:00", "to": "24:00"}, True),
        ({"holiday": "day"}, True),
        ({"holiday": "never"}, False),
        ({"not_holiday": "day"}, False),
        ({"not_holiday": "never"}, True),
        ({"not_holiday": "day", "zone": "America/New_York"}, True),
        ({"holiday": "gone", "not_holiday": "gone"}, True),
        ({"alerts": 2}, True),
        ({"alerts": 3}, False),
        ({"severity": ["critical"], "weekdays": ["tuesday"]}, False),
    ],
)
def test_conditions(when: dict[str, Any], holds: bool) -> None:
    condition = Condition.model_validate(when)
    assert escalation_conditions.holds(
        condition, "critical", 2, world().policy.holidays, NOW
    ) is holds  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "incident", "severity", "known", "verdict"),
    [
        ("first", "open", "warning", None, "begin"),
        ("first", "open", "warning", Known("running", "warning"), "ride"),
        ("first", "open", "critical", Known("running", "warning"), "begin"),
        ("repeat", "open", "warning", Known("running", "warning"), "ride"),
        ("repeat", "open", "warning", Known("exhausted", "warning"), "begin"),
        ("new_alerts", "open", "warning", Known("exhausted", "critical"), "begin"),
        ("reopened", "open", "warning", Known("stopped", "critical"), "begin"),
        ("new_alerts", "acknowledged", "warning", Known("stopped", "warning"), "settle"),
        ("new_alerts", "acknowledged", "critical", Known("stopped", "warning"), "begin"),
        ("resolved", "open", "warning", Known("running", "warning"), "ride"),
        ("resolved", "resolved", "warning", Known("stopped", "warning"), "settle"),
        ("resolved", "open", "warning", None, "settle"),
    ],
)
def test_what_news_mean(
    reason: Any, incident: Any, severity: Any, known: Known | None, verdict: str
) -> None:
    assert escalation.begins(reason, incident, severity, known) == verdict


def test_a_chain_comes_back_as_it_was_frozen() -> None:
    made = chain(
        notify("anna", "team:db", when={"from": "22:00", "to": "06:00", "alerts": 2}),
        wait("1m30s500ms", when={"severity": ["critical"]}),
        notify("receiver:chat", round_robin=True, urgency="default"), repeat=3,
    )  # fmt: skip
    assert escalation.thawed(escalation.frozen(made)) == made


def test_a_receiver_has_its_escalation_as_one_more_way_in_the_eyes_of_the_flush() -> None:
    assert escalation.with_chain(Receiver("ops")) == Receiver("ops")
    (way,) = escalation.with_chain(Receiver("ops", escalation="primary")).integrations
    assert (way.key, way.channel, way.settings) == ("ops/escalation/0", "escalation", "primary")


STEPS = st.one_of(
    st.sampled_from([*PEOPLE, "schedule:week", "team:db", "team:gone", "receiver:chat"]).map(
        notify
    ),
    st.integers(1, 600).map(lambda seconds: wait(f"{seconds}s")),
    st.sampled_from(["critical", "warning"]).map(
        lambda severity: notify("carl", when={"severity": [severity]})
    ),
)


@given(st.lists(STEPS, min_size=1, max_size=8), st.integers(0, 3))
def test_a_chain_goes_forward_in_time_and_place_each_step_once_until_it_ends(
    steps: list[dict[str, Any]], repeat: int
) -> None:
    made = chain(*steps, repeat=repeat)
    seen: list[tuple[int, int]] = []
    last: datetime | None = None
    for at, burst in escalation.foresee(made, Place(), MATTER, world(), NOW):
        assert last is None or at > last
        last = at
        seen += [(done.place.round, done.place.step) for done in burst.done]
        assert all(not done.told or done.urgency == "important" for done in burst.done)
    assert seen == sorted(set(seen))
    assert all(made.steps[step].notify for _, step in seen)
    somebody = any(
        done.told for _, burst in escalation.foresee(made, Place(), MATTER, world(), NOW)
        for done in burst.done
    )  # fmt: skip
    if somebody:
        everything = [(r, n) for r in range(1, repeat + 2) for n, s in enumerate(made.steps)
                      if s.notify]  # fmt: skip
        assert seen == everything
