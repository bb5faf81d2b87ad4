"""A due group decides whom to tell, why, and what becomes of each of its events."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import flushing, matchers, notifying, policy, routing, suppression

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
REPEAT = timedelta(hours=4)
INTERVAL = timedelta(minutes=5)
WINDOW = timedelta(minutes=5)
HOOK, SLACK = "ops/webhook/0", "ops/slack/0"
GROUP_ID, OLD, NEW = (uuid.UUID(int=n) for n in (1, 2, 3))
FRESH = flushing.Incident(NEW, "fresh", "warning", "open", 0, T)


def integration(key: str = HOOK, *, send_resolved: bool = True) -> policy.Integration:
    return policy.Integration(key, key.split("/")[1], None, send_resolved)


def route(**changed: Any) -> routing.Route:
    plain = routing.Route("{}", "ops", (), False, (), timedelta(0), INTERVAL, REPEAT)
    return replace(plain, **changed)


def member(mark: str, event: int | None = None, **changed: Any) -> flushing.Member:
    plain = flushing.Member(mark, "firing", "warning", {"alertname": mark}, event)
    return replace(plain, **changed)


def over(mark: str, event: int | None = None) -> flushing.Member:
    return member(mark, event, status="resolved")


def incident(**changed: Any) -> flushing.Incident:
    return replace(flushing.Incident(OLD, "old", "warning", "open", 1, T), **changed)


def log(firing: str, resolved: str = "", at: datetime = T) -> flushing.Log:
    return flushing.Log(notifying.Told(frozenset(firing), frozenset(resolved), at), OLD)


def group(
    *members: flushing.Member, to: Iterable[policy.Integration] = (integration(),), **changed: Any
) -> flushing.Group:
    receiver = policy.Receiver("ops", tuple(to))
    plain = flushing.Group(GROUP_ID, route(), receiver, members, T, T, None, {})
    return replace(plain, **changed)


def going(*members: flushing.Member, **changed: Any) -> flushing.Group:
    """A group with an open incident of which the hook was told at T that `a` fires."""
    return group(*members, **{"incident": incident(), "log": {HOOK: log("a")}, **changed})


def silence(mark: str, ends: datetime, id: str = "s") -> suppression.Silence:
    return suppression.Silence(id, (matchers.parse(f"alertname={mark}"),), T, ends)


def plan(due: flushing.Group, now: datetime = T, *silences: suppression.Silence) -> flushing.Plan:
    return flushing.plan(
        due, suppression.index(silences), now, reopen_window=WINDOW, fresh=FRESH,
        updates_in_place=frozenset({"slack"}),
    )  # fmt: skip


def test_the_first_telling_opens_an_incident_and_carries_the_events() -> None:
    made = plan(group(member("a", 1), member("b", 2, severity="critical"), anchor=None))
    assert (made.act, made.reasons, made.told) == ("opened", {HOOK: "first"}, [1, 2])
    assert made.incident == replace(FRESH, severity="critical")
    assert made.log == {HOOK: notifying.Told(frozenset("ab"), frozenset(), T)}
    assert (made.outcomes, made.anchor) == ([], T)


def test_the_grid_begins_where_the_timer_stood_not_where_it_was_served() -> None:
    late = T + timedelta(seconds=40)
    made = plan(group(member("a", 1), anchor=None, due_at=T), late)
    assert made.anchor == T


def test_a_new_alert_joins_the_open_incident() -> None:
    made = plan(going(member("a"), member("b", 2)))
    assert (made.act, made.reasons, made.told) == (None, {HOOK: "new_alerts"}, [2])
    assert made.incident == incident(title="fresh")  # what is told carries the title of today


def test_a_worse_alert_raises_the_severity_and_a_milder_one_leaves_it() -> None:
    worse = plan(going(member("a"), member("b", 2, severity="critical")))
    milder = plan(going(member("a"), member("b", 2, severity="info")))
    assert worse.incident == incident(severity="critical", title="fresh")
    assert milder.incident == incident(title="fresh")


def test_the_end_of_all_resolves_the_incident_with_a_new_generation() -> None:
    made = plan(going(over("a", 1)))
    assert (made.act, made.reasons, made.told) == ("resolved", {HOOK: "resolved"}, [1])
    assert made.incident == incident(state="resolved", resolved_at=T, generation=2)
    assert made.due_at is None


def test_the_end_of_some_is_told_and_the_incident_stays_open() -> None:
    made = plan(going(over("a", 1), member("b"), log={HOOK: log("ab")}))
    assert (made.act, made.reasons, made.told) == (None, {HOOK: "resolved"}, [1])
    assert made.incident == incident(title="fresh")


def test_who_wants_no_ends_hears_none_and_the_incident_resolves_all_the_same() -> None:
    quiet = integration(send_resolved=False)
    made = plan(going(over("a", 1), to=[quiet]))
    assert (made.act, made.reasons) == ("resolved", {})
    assert made.outcomes == [(1, "grouped", str(GROUP_ID))]
    assert made.log == {HOOK: notifying.Told(frozenset(), frozenset(), T)}


def test_of_two_integrations_each_hears_what_it_wants() -> None:
    both = [integration(), integration("ops/webhook/1", send_resolved=False)]
    logs = {HOOK: log("ab"), "ops/webhook/1": log("ab")}
    made = plan(going(over("a", 1), member("b"), to=both, log=logs))
    assert made.reasons == {HOOK: "resolved"}
    assert made.told == [1]


def test_it_repeats_at_the_very_instant_and_not_before() -> None:
    due = going(member("a", severity="critical"))
    assert plan(due, T + REPEAT - TICK).reasons == {}
    made = plan(due, T + REPEAT)
    assert made.reasons == {HOOK: "repeat"}
    assert made.log[HOOK].at == T + REPEAT


def test_nothing_repeats_while_somebody_has_it() -> None:
    had = incident(state="acknowledged", acknowledged_at=T, acknowledged_by="ann")
    made = plan(going(member("a"), incident=had), T + 9 * REPEAT)
    assert (made.reasons, made.due_at) == ({}, None)


def test_news_are_told_even_if_somebody_has_it() -> None:
    had = incident(state="acknowledged", acknowledged_at=T, acknowledged_by="ann")
    made = plan(going(member("a"), member("b", 2), incident=had))
    assert made.reasons == {HOOK: "new_alerts"}
    assert made.incident == replace(had, title="fresh")


def test_a_silenced_alert_alone_opens_nothing_and_is_asked_again_when_the_silence_ends() -> None:
    ends = T + timedelta(hours=1)
    made = plan(group(member("a", 1)), T, silence("a", ends))
    assert (made.incident, made.act, made.reasons, made.log) == (None, None, {}, {})
    assert made.outcomes == [(1, "silenced", "s")]
    assert made.due_at == ends


def test_a_silenced_part_leaves_the_rest_to_be_told() -> None:
    made = plan(group(member("a", 1), member("b", 2)), T, silence("a", T + REPEAT))
    assert made.told == [2]
    assert made.outcomes == [(1, "silenced", "s")]
    assert made.firing == (member("b", 2),)
    assert made.log[HOOK].firing == frozenset("b")


def test_the_first_of_several_silences_to_end_wakes_the_group() -> None:
    early, late = silence("a", T + INTERVAL, "x"), silence("a", T + REPEAT, "y")
    made = plan(group(member("a", 1), member("b", 2)), T, late, early, silence("b", T + REPEAT))
    assert made.muted == {"a": ("x", "y"), "b": ("s",)}
    assert made.due_at == T + INTERVAL


def test_a_silence_that_has_ended_lets_the_page_through() -> None:
    ends = T + timedelta(hours=1)
    held = group(member("a", 1, muted=True))
    assert plan(held, ends - TICK, silence("a", ends)).reasons == {}
    made = plan(held, ends, silence("a", ends))
    assert (made.act, made.reasons, made.told) == ("opened", {HOOK: "first"}, [1])


def test_an_incident_whose_alerts_are_all_silenced_stays_as_it_is() -> None:
    made = plan(going(member("a")), T + REPEAT, silence("a", T + 2 * REPEAT))
    assert (made.act, made.reasons, made.log) == (None, {}, {})
    assert made.incident == incident()


def test_the_end_of_the_told_is_told_while_a_silenced_one_goes_on() -> None:
    made = plan(going(over("a", 1), member("b")), T, silence("b", T + REPEAT))
    assert (made.act, made.reasons) == (None, {HOOK: "resolved"})
    assert made.incident == incident()


def test_the_end_of_some_is_told_while_another_that_was_told_is_silenced() -> None:
    """As Alertmanager does: what is silenced is told of again when its silence ends."""
    due = going(over("a", 1), member("b"), log={HOOK: log("ab")})
    made = plan(due, T, silence("b", T + REPEAT))
    assert (made.act, made.reasons) == (None, {HOOK: "resolved"})
    assert made.log == {HOOK: notifying.Told(frozenset(), frozenset("a"), T, frozenset("b"))}
    after = going(member("b"), log={HOOK: flushing.Log(made.log[HOOK], OLD)})
    assert plan(after, T + REPEAT).reasons == {HOOK: "new_alerts"}


@pytest.mark.parametrize("told", ["acknowledged", "resolved"])
def test_what_people_do_during_a_silence_does_not_page_again_when_it_ends(told: str) -> None:
    acted, ends = T + INTERVAL, T + timedelta(hours=1)
    one = {"acknowledged_at": acted, "acknowledged_by": "ann"}
    other = {"resolved_at": acted, "resolved_by": "ann"}
    was = incident(state=told, **(one if told == "acknowledged" else other))
    due = going(member("a"), to=[integration(SLACK)], incident=was, log={SLACK: log("a")})
    shown = plan(due, acted + TICK, silence("a", ends))
    assert shown.reasons == {SLACK: told}
    after = replace(due, log={SLACK: flushing.Log(shown.log[SLACK], OLD)})
    assert plan(after, ends, silence("a", ends)).reasons == {}


@pytest.mark.parametrize(
    ("ago", "by", "act"),
    [
        (timedelta(0), None, "reopened"),
        (WINDOW - TICK, None, "reopened"),
        (WINDOW, None, "opened"),
        (timedelta(seconds=1), "ann", "opened"),
    ],
)
def test_it_fires_again_and_the_window_decides_what_that_is(
    ago: timedelta, by: str | None, act: str
) -> None:
    was = incident(state="resolved", resolved_at=T - ago, resolved_by=by)
    made = plan(going(member("a", 2), incident=was, log={HOOK: log("", "a")}))
    assert made.act == act
    assert made.reasons == {HOOK: "reopened" if act == "reopened" else "first"}
    assert made.incident is not None
    assert made.incident.state == "open"
    assert made.incident.id == (OLD if act == "reopened" else NEW)
    assert made.incident.generation == (2 if act == "reopened" else 0)
    assert made.incident.resolved_at is None


def test_a_repeat_of_what_a_person_resolved_opens_a_new_incident() -> None:
    was = incident(state="resolved", resolved_at=T, resolved_by="ann")
    made = plan(going(member("a"), incident=was), T + REPEAT)
    assert (made.act, made.reasons, made.incident) == ("opened", {HOOK: "first"}, FRESH)


def test_a_receiver_that_tells_nobody_explains_its_events_with_no_route() -> None:
    made = plan(group(member("a", 1), over("b", 2), to=[]))
    assert made.outcomes == [(1, "no_route", "ops"), (2, "no_route", "ops")]
    assert (made.incident, made.told, made.due_at) == (None, [], None)


@pytest.mark.parametrize("state", ["acknowledged", "resolved"])
def test_channels_that_can_change_what_they_said_show_once_what_people_did(state: str) -> None:
    acted = T + INTERVAL
    one = {"acknowledged_at": acted, "acknowledged_by": "ann"}
    other = {"resolved_at": acted, "resolved_by": "ann"}
    was = incident(state=state, **(one if state == "acknowledged" else other))
    both = [integration(), integration(SLACK)]
    due = going(member("a"), to=both, incident=was, log={HOOK: log("a"), SLACK: log("a")})
    made = plan(due, acted + TICK)
    assert made.reasons == {SLACK: state}
    again = replace(due, log={HOOK: log("a"), SLACK: flushing.Log(made.log[SLACK], OLD)})
    assert plan(again, acted + INTERVAL).reasons == {}


def test_an_act_on_an_incident_that_was_never_told_there_shows_nothing() -> None:
    was = incident(state="acknowledged", acknowledged_at=T + INTERVAL, acknowledged_by="ann")
    other = flushing.Log(log("a").told, NEW)
    due = going(member("a"), to=[integration(SLACK)], incident=was, log={SLACK: other})
    assert plan(due, T + INTERVAL).reasons == {}


def test_an_acknowledgement_that_is_shown_explains_no_event_as_notified() -> None:
    was = incident(state="acknowledged", acknowledged_at=T + INTERVAL, acknowledged_by="ann")
    due = going(member("a", 3), to=[integration(SLACK)], incident=was, log={SLACK: log("a")})
    made = plan(due, T + INTERVAL)
    assert made.reasons == {SLACK: "acknowledged"}
    assert (made.told, made.outcomes) == ([], [(3, "grouped", str(GROUP_ID))])


@pytest.mark.parametrize(
    ("interval", "due"),
    [
        (timedelta(minutes=5), REPEAT),  # 48 ticks: on the grid
        (timedelta(minutes=7), timedelta(minutes=245)),  # the tick after four hours
        (timedelta(hours=5), timedelta(hours=5)),
    ],
)
def test_the_next_repeat_waits_for_its_tick_of_the_grid(
    interval: timedelta, due: timedelta
) -> None:
    made = plan(group(member("a", 1), route=route(group_interval=interval)))
    assert made.due_at == T + due


def test_without_an_interval_the_group_is_asked_when_the_repeat_is_due() -> None:
    made = plan(group(member("a", 1), route=route(group_interval=timedelta(0))))
    assert made.due_at == T + REPEAT


marks = st.sampled_from("abcd")
moments = st.integers(-400, 400).map(lambda minutes: T + timedelta(minutes=minutes))
sets = st.frozensets(marks)
integrations = st.lists(
    st.builds(integration, st.sampled_from((HOOK, SLACK)), send_resolved=st.booleans()),
    max_size=2, unique_by=lambda each: each.key,
)  # fmt: skip
logs = st.builds(
    flushing.Log,
    st.builds(notifying.Told, sets, sets, moments.filter(lambda at: at <= T)),
    st.sampled_from((OLD, NEW)),
)


@st.composite
def incidents(draw: st.DrawFn) -> flushing.Incident:
    state = draw(st.sampled_from(("open", "acknowledged", "resolved")))
    at = draw(moments.filter(lambda at: at <= T))
    acted: dict[str, Any] = {}
    if state == "acknowledged":
        acted = {"acknowledged_at": at, "acknowledged_by": "ann"}
    elif state == "resolved":
        acted = {"resolved_at": at, "resolved_by": draw(st.sampled_from((None, "ann")))}
    return incident(state=state, generation=draw(st.integers(0, 9)), **acted)


@st.composite
def groups(draw: st.DrawFn) -> flushing.Group:
    names = sorted(draw(sets))
    states = st.sampled_from(("firing", "resolved"))
    some = [
        member(mark, n if draw(st.booleans()) else None, status=draw(states),
               muted=draw(st.booleans()))
        for n, mark in enumerate(names)
    ]  # fmt: skip
    to = draw(integrations)
    told = {each.key: draw(logs) for each in to if draw(st.booleans())}
    return group(
        *some, to=to, incident=draw(st.none() | incidents()), log=told,
        anchor=draw(st.none() | moments.filter(lambda at: at <= T)),
        route=route(group_interval=draw(st.sampled_from((timedelta(0), INTERVAL)))),
    )  # fmt: skip


silencings = st.lists(st.builds(silence, marks, moments, st.sampled_from("xyz")), max_size=3)


@given(due=groups(), quiet=silencings)
def test_whatever_the_state_each_pending_event_is_explained_once_or_told(
    due: flushing.Group, quiet: list[suppression.Silence]
) -> None:
    made = plan(due, T, *quiet)
    explained = [event for event, _, _ in made.outcomes]
    pending = [m.event for m in due.members if m.event is not None]
    assert sorted(made.told + explained) == sorted(pending)
    assert not made.told or made.reasons
    silenced = {event for event, outcome, _ in made.outcomes if outcome == "silenced"}
    assert silenced == {m.event for m in due.members if m.fingerprint in made.muted} - {None}


@given(due=groups(), quiet=silencings)
def test_whatever_the_state_it_pages_only_for_what_fires_unsilenced_in_an_open_incident(
    due: flushing.Group, quiet: list[suppression.Silence]
) -> None:
    made = plan(due, T, *quiet)
    paging = flushing.PAGING.intersection(made.reasons.values())
    assert not paging or made.firing
    assert not paging or (made.incident and made.incident.state != "resolved")
    assert {m.fingerprint for m in made.firing}.isdisjoint(made.muted)
    assert set(made.reasons) <= set(made.log)


@given(due=groups(), quiet=silencings)
def test_whatever_the_state_the_generation_never_falls_and_the_plan_is_the_same_twice(
    due: flushing.Group, quiet: list[suppression.Silence]
) -> None:
    made = plan(due, T, *quiet)
    if due.incident and made.incident and made.incident.id == due.incident.id:
        assert made.incident.generation >= due.incident.generation
        raised = made.act in ("reopened", "resolved")
        assert (made.incident.generation > due.incident.generation) == raised
    assert plan(due, T, *quiet) == made
