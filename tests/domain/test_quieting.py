"""What holds alerts back, seen from the flush: hours of the route, inhibitors, silences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.domain import test_flushing as story
from tocsin.domain import (
    flushing,
    inhibition,
    matchers,
    notifying,
    quieting,
    suppression,
    time_intervals,
)

T, HOOK = story.T, story.HOOK
#: T is 03:00 UTC.
NIGHT = time_intervals.Named("night", (time_intervals.Interval(times=((0, 360),)),))
MORNING = T + timedelta(hours=3)
HOLD = inhibition.Hold("f" * 16, "cluster down")


def quiet_route(**hours: Any) -> Any:
    return story.route(hours=time_intervals.Hours(**(hours or {"mute": (NIGHT,)})))


def plan(
    due: flushing.Group, *silences: suppression.Silence, now: Any = T, **inhibited: inhibition.Hold
) -> flushing.Plan:
    return flushing.plan(
        due, suppression.index(silences), now, reopen_window=story.WINDOW, fresh=story.FRESH,
        updates_in_place=frozenset(), inhibited=inhibited,
    )  # fmt: skip


def test_what_holds_back_can_be_told_apart() -> None:
    by = ("1-2", "inhibitor:8fa1", "interval:nights", "3-4")
    assert quieting.apart(by) == (("1-2", "3-4"), ("8fa1",), ("nights",))
    assert quieting.apart(()) == quieting.Held() == ((), (), ())


def test_in_quiet_hours_of_its_route_nothing_is_told_and_the_group_asks_when_they_end() -> None:
    made = plan(story.group(story.member("a", 1), route=quiet_route()))
    assert (made.act, made.reasons, made.log) == (None, {}, {})
    assert made.outcomes == [(1, "muted", "night")]
    assert made.muted == {"a": ("interval:night",)}
    assert made.due_at == MORNING
    later = story.group(story.member("a", 1, muted=True), route=quiet_route())
    assert plan(later, now=MORNING).reasons == {HOOK: "first"}


def test_outside_of_its_active_hours_a_route_is_quiet_too() -> None:
    office = time_intervals.Named("office", (time_intervals.Interval(times=((540, 1020),)),))
    made = plan(story.group(story.member("a", 1), route=quiet_route(active=(office,))))
    assert made.outcomes == [(1, "muted", "office")]
    assert made.due_at == T + timedelta(hours=6)


def test_an_end_that_is_owed_waits_until_the_route_may_speak() -> None:
    made = plan(story.going(story.over("a", 1), route=quiet_route()))
    assert (made.act, made.reasons, made.leaving) == ("resolved", {}, ())
    assert made.outcomes == [(1, "muted", "night")]
    assert made.due_at == MORNING
    assert made.incident is not None
    later = story.going(story.over("a", 1), incident=made.incident, route=quiet_route())
    told = plan(later, now=MORNING)
    assert (told.reasons, told.told) == ({HOOK: "resolved"}, [1])
    assert [m.fingerprint for m in told.leaving] == ["a"]


def test_an_end_of_which_nobody_knows_the_beginning_waits_for_nothing() -> None:
    made = plan(story.group(story.over("a", 1), route=quiet_route()))
    assert (made.reasons, made.due_at, made.outcomes[0][1]) == ({}, None, "grouped")
    assert [m.fingerprint for m in made.leaving] == ["a"]


def test_an_inhibited_alert_is_not_told_of_and_says_by_what() -> None:
    made = plan(story.group(story.member("a", 1), story.member("b", 2)), a=HOLD)
    assert made.reasons == {HOOK: "first"}
    assert [m.fingerprint for m in made.firing] == ["b"]
    assert made.outcomes == [(1, "inhibited", f"{HOLD.source}/cluster down")]
    assert made.muted == {"a": (f"inhibitor:{HOLD.source}",)}


def test_what_only_an_inhibitor_holds_waits_to_be_woken() -> None:
    assert plan(story.group(story.member("a", 1)), a=HOLD).due_at is None


@pytest.mark.parametrize(
    ("kind", "expected"), [("silence", "silenced"), ("maintenance", "inhibited")]
)
def test_the_strongest_of_several_explains(kind: Any, expected: str) -> None:
    silence = replace(story.silence("a", MORNING), kind=kind)
    due = story.group(story.member("a", 1), route=quiet_route())
    made = plan(due, silence, a=HOLD)
    assert made.muted == {"a": ("s", f"inhibitor:{HOLD.source}", "interval:night")}
    assert made.outcomes[0][1] == expected


def test_a_window_says_more_than_the_hours_of_the_route() -> None:
    window = replace(story.silence("a", MORNING), kind="maintenance")
    made = plan(story.group(story.member("a", 1), route=quiet_route()), window)
    assert made.outcomes == [(1, "muted", "s")]


@pytest.mark.parametrize("seen", [True, False])
def test_the_end_of_what_was_held_back_all_along_is_no_news(seen: bool) -> None:
    due = story.going(story.member("a"), story.member("b", 2, status="resolved", muted=seen))
    made = plan(due, **({} if seen else {"b": HOLD}))
    assert (made.reasons, made.resolved) == ({}, ())
    assert made.outcomes == [(2, "grouped", str(story.GROUP_ID))]


def test_the_end_of_what_was_told_is_told_although_it_is_held_back_now() -> None:
    made = plan(story.going(story.over("a", 1)), a=HOLD)
    assert (made.act, made.reasons, made.told) == ("resolved", {HOOK: "resolved"}, [1])


def test_who_wants_no_ends_hears_again_of_what_a_silence_held_meanwhile() -> None:
    due = story.going(
        story.over("a", 1), story.member("b"), log={HOOK: story.log("ab")},
        to=[story.integration(send_resolved=False)],
    )  # fmt: skip
    made = plan(due, b=HOLD)
    assert made.reasons == {}
    assert made.log == {HOOK: notifying.Told(frozenset(), frozenset(), T)}


RULE = inhibition.Rule(
    "r", matchers.parse_list("severity=critical"), matchers.parse_list('severity=~".+"'),
    ("cluster", "zone"),
)  # fmt: skip


def asked(labels: dict[str, str]) -> inhibition.Question:
    ((_, question),) = inhibition.questions([RULE], labels)
    return question


def source(labels: dict[str, str]) -> inhibition.Source:
    (found,) = inhibition.sources([RULE], labels)
    return found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"cluster": "a"}, {"cluster": "a"}, True),
        ({"cluster": "a"}, {"cluster": "b"}, False),
        ({"cluster": "a"}, {"cluster": "a", "zone": ""}, True),
        ({"cluster": "ab"}, {"cluster": "a", "zone": "b"}, False),
        ({}, {}, True),
    ],
)
def test_a_source_and_a_target_meet_where_equal_labels_are_equal(
    one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    of = source({"severity": "critical", **one})
    question = asked({"severity": "warning", **other})
    assert ((of.rule, of.equals) == (question.rule, question.equals)) is same


def test_what_is_on_both_sides_is_inhibited_by_one_sided_sources_only() -> None:
    both = {"severity": "critical", "cluster": "a"}
    assert source(both).two_sided
    assert asked(both).one_sided
    assert not asked({"severity": "warning"}).one_sided


def test_what_is_neither_asks_nothing_and_inhibits_nothing() -> None:
    assert list(inhibition.questions([RULE], {"cluster": "a"})) == []
    assert list(inhibition.sources([RULE], {"severity": "warning"})) == []


def test_the_id_of_a_rule_is_what_it_says() -> None:
    assert replace(RULE, name="other").id == RULE.id
    assert replace(RULE, equal=("zone", "cluster")).id == RULE.id
    assert replace(RULE, equal=("zone",)).id != RULE.id
