"""Two years in twenty zones: whatever the clocks do, somebody is on call, and one in turn."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tocsin.domain import oncall

#: With half hours, three quarters, a jump at midnight, a missing day, summer time twice a year.
ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Moscow", "America/New_York",
    "America/Los_Angeles", "America/St_Johns", "America/Santiago", "America/Sao_Paulo",
    "America/Havana", "Australia/Lord_Howe", "Australia/Sydney", "Asia/Kathmandu", "Asia/Tehran",
    "Asia/Beirut", "Africa/Cairo", "Africa/Casablanca", "Pacific/Chatham", "Pacific/Apia",
    "Antarctica/Troll",
)  # fmt: skip
PEOPLE = ("anna", "ben", "cleo", "dora")
EVERYONE = tuple((name, name) for name in PEOPLE)
TWO_YEARS = timedelta(days=731)

zones = st.sampled_from(ZONES)
#: Samoa left a day out in 2011; nobody knows the rules of 2040, but they must do as well.
days = st.dates(date(2011, 1, 1), date(2040, 1, 1))
clocks = st.integers(0, 1440)
turns = st.lists(
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2, unique=True).map(tuple),
    min_size=1, max_size=4,
).map(tuple)  # fmt: skip
rules = st.sampled_from([
    "FREQ=MONTHLY;BYDAY=1MO", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=DAILY;INTERVAL=5",
    "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=DAILY;BYHOUR=2,14;BYMINUTE=30",
]).map(oncall.Rule)  # fmt: skip


@st.composite
def rotations(draw: st.DrawFn) -> oncall.Rotation:
    starts = draw(days)
    every = draw(st.one_of(
        st.builds(oncall.Days, st.integers(1, 21),
                  st.integers(0, 6).map(lambda back: starts - timedelta(days=back))),
        st.builds(oncall.Hours, st.integers(1, 100)), rules,
    ))  # fmt: skip
    if isinstance(every, oncall.Days) and every.first <= starts - timedelta(days=every.count):
        every = oncall.Days(every.count, starts)
    return oncall.Rotation(draw(turns), every, starts, draw(clocks))


hours = st.lists(
    st.builds(
        lambda weekdays, begins, lasts: oncall.Span(frozenset(weekdays), begins, begins + lasts),
        st.sets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(1, 1440),
    ), max_size=3,
).map(tuple)  # fmt: skip


@st.composite
def schedules(draw: st.DrawFn) -> oncall.Schedule:
    starts = draw(days)
    some = st.frozensets(st.dates(starts, starts + TWO_YEARS), max_size=20)
    layers = []
    for number in range(draw(st.integers(1, 3))):
        layers.append(
            oncall.Layer(
                f"layer {number}",
                draw(zones),
                draw(rotations()),
                draw(hours),
                draw(st.none() | some),
                draw(some),
            )
        )
    return oncall.Schedule("primary", "UTC", tuple(layers))


def overrides(since: datetime) -> st.SearchStrategy[list[oncall.Override]]:
    begins = st.integers(0, 1000).map(lambda n: since + timedelta(hours=n, minutes=n % 7))
    return st.lists(
        st.tuples(st.sampled_from(PEOPLE), begins, st.integers(1, 3000)).map(
            lambda each: oncall.Override(
                "primary", each[0], each[1], each[1] + timedelta(minutes=each[2])
            )
        ), max_size=5,
    )  # fmt: skip


def at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def alone(rotation: oncall.Rotation, zone: str) -> oncall.Schedule:
    return oncall.Schedule("alone", zone, (oncall.Layer("layer 1", zone, rotation),))


@settings(max_examples=80, deadline=None)
@given(rotations(), zones)
def test_a_layer_without_hours_has_no_holes_no_overlaps_and_turns_in_order(
    rotation: oncall.Rotation, zone: str
) -> None:
    # A day that Samoa left out is no turn from midnight to midnight.
    assume(zone != "Pacific/Apia" or rotation.starts.year > 2011 or rotation.at % 1440)
    since = at_midnight(rotation.starts) + timedelta(days=2)
    found = oncall.shifts(alone(rotation, zone), since, since + TWO_YEARS)
    assert found[0].starts_at == since
    assert found[-1].ends_at == since + TWO_YEARS
    assert all(each.starts_at < each.ends_at for each in found)
    assert all(one.ends_at == another.starts_at for one, another in pairwise(found))
    number = rotation.turns.index(found[0].people)
    order = {rotation.turns[(number + n) % len(rotation.turns)] for n in range(len(found))}
    assert {each.people for each in found} == order
    if len(set(rotation.turns)) == len(rotation.turns):
        for n, each in enumerate(found):
            assert each.people == rotation.turns[(number + n) % len(rotation.turns)]


@settings(max_examples=80, deadline=None)
@given(
    zones, days, st.integers(1, 1440), st.sampled_from([1, 3, 7, 14]),
)  # fmt: skip
def test_hand_offs_are_at_the_time_of_the_clock_on_the_wall(
    zone: str, starts: date, at: int, count: int
) -> None:
    rotation = oncall.Rotation((("anna",), ("ben",)), oncall.Days(count, starts), starts, at)
    place = ZoneInfo(zone)
    since = at_midnight(starts) + timedelta(days=2)
    for each in oncall.shifts(alone(rotation, zone), since, since + TWO_YEARS)[1:]:
        shown = each.starts_at.astimezone(place)
        wanted = time(at // 60 % 24, at % 60)
        if shown.time() != wanted:
            # The clock jumped over it: at the moment of the jump, not a second later.
            before = (each.starts_at - timedelta(seconds=1)).astimezone(place)
            jumped = shown.utcoffset(), before.utcoffset()
            assert jumped[0] is not None
            assert jumped[1] is not None
            assert jumped[0] > jumped[1]
            passed = before.replace(tzinfo=None), shown.replace(tzinfo=None)
            assert any(
                passed[0]
                < datetime.combine(passed[0].date() + timedelta(days=n), wanted)
                <= passed[1]
                for n in (0, 1)
            )
        # Of two moments at which the clock shows it, the first.
        assert shown.fold == 0


@settings(max_examples=60, deadline=None)
@given(zones, days, st.integers(1, 100))
def test_turns_of_hours_are_hours_that_pass(zone: str, starts: date, count: int) -> None:
    rotation = oncall.Rotation((("anna",), ("ben",)), oncall.Hours(count), starts, 540)
    since = at_midnight(starts) + timedelta(days=2)
    found = oncall.shifts(alone(rotation, zone), since, since + timedelta(days=400))
    lengths = {each.ends_at - each.starts_at for each in found[1:-1]}
    assert lengths <= {timedelta(hours=count)}


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_who_and_shifts_agree_at_every_moment(data: st.DataObject) -> None:
    schedule = data.draw(schedules())
    since = at_midnight(data.draw(days))
    until = since + timedelta(days=data.draw(st.integers(1, 60)))
    standing_in = data.draw(overrides(since))
    found = oncall.shifts(schedule, since, until, standing_in)
    assert all(one.ends_at <= another.starts_at for one, another in pairwise(found))
    tick = timedelta(microseconds=1)
    asked = [since + n * (until - since) / 40 for n in range(40)]
    edges = [edge for each in found for edge in (each.starts_at, each.ends_at)][:200]
    asked += [moment for edge in edges for moment in (edge - tick, edge)]
    for moment in asked:
        if since <= moment < until:
            told = [each.people for each in found if each.starts_at <= moment < each.ends_at]
            assert [oncall.who(schedule, moment, standing_in) or ()] == (told or [()])
    holes = oncall.gaps(schedule, since, until, standing_in)
    held = sum((each.ends_at - each.starts_at for each in found), timedelta(0))
    missing = sum((each.ends_at - each.starts_at for each in holes), timedelta(0))
    assert held + missing == until - since


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_part_of_a_time_is_the_same_as_in_the_whole(data: st.DataObject) -> None:
    schedule = data.draw(schedules())
    since = at_midnight(data.draw(days))
    whole = oncall.shifts(schedule, since, since + timedelta(days=90))
    part = since + timedelta(days=data.draw(st.integers(0, 60)), minutes=data.draw(clocks))
    until = part + timedelta(days=20)
    cut = [
        dataclasses.replace(
            each, starts_at=max(each.starts_at, part), ends_at=min(each.ends_at, until)
        )
        for each in whole
        if each.ends_at > part and each.starts_at < until
    ]
    assert oncall.shifts(schedule, part, until) == cut


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_next_change_is_the_next_change(data: st.DataObject) -> None:
    schedule = data.draw(schedules())
    at = at_midnight(data.draw(days)) + timedelta(minutes=data.draw(clocks))
    now = oncall.who(schedule, at)
    following = oncall.following(schedule, at)
    if following is None:
        found = oncall.shifts(schedule, at, at + timedelta(days=400))
        assert {each.people for each in found} <= {now}
        return
    people = following.people if isinstance(following, oncall.Shift) else ()
    assert people != now
    assert oncall.who(schedule, following.starts_at) == people
    assert oncall.who(schedule, following.starts_at - timedelta(microseconds=1)) == now
    line = oncall.shifts(schedule, at, following.starts_at)
    assert {each.people for each in line} <= {now}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_exported_calendar_says_the_same_when_it_is_read_again(data: st.DataObject) -> None:
    schedule = data.draw(schedules())
    since = at_midnight(data.draw(days))
    until = since + timedelta(days=60)
    standing_in = data.draw(overrides(since))
    found = oncall.shifts(schedule, since, until, standing_in)
    if not found:
        return
    text = oncall.calendar("primary", found, since).decode()
    read = oncall.Layer("read", data.draw(zones), oncall.Calendar(text, EVERYONE))
    again = oncall.shifts(oncall.Schedule("again", "UTC", (read,)), since, until)
    # An iCalendar has whole seconds, as all hand-offs have.
    assert [(each.people, each.starts_at, each.ends_at) for each in again] == [
        (each.people, each.starts_at, each.ends_at) for each in found
    ]


@pytest.mark.parametrize("zone", ZONES)
def test_weeks_are_right_over_two_years_in_each_zone(zone: str) -> None:
    """Told apart from all the arithmetic above: day by day, as a person with a calendar would."""
    place = ZoneInfo(zone)
    rotation = oncall.Rotation(
        tuple((name,) for name in PEOPLE), oncall.Days(7, date(2025, 1, 6)), date(2025, 1, 6), 540
    )
    schedule = alone(rotation, zone)
    for n in range(0, 731):
        noon = datetime(2025, 1, 6, 12, tzinfo=place) + timedelta(days=n)
        assert oncall.who(schedule, noon) == (PEOPLE[n // 7 % 4],)
        early = datetime(2025, 1, 6, 8, 59, tzinfo=place) + timedelta(days=n)
        assert oncall.who(schedule, early) == ((PEOPLE[(n - 1) // 7 % 4],) if n else ())
