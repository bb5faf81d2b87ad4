"""Time intervals hold as Alertmanager's do, and their ends are known to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain import time_intervals
from tocsin.domain.time_intervals import Hours, Interval, Named

BERLIN = "Europe/Berlin"
#: With a clock that is changed by half an hour, and one far from UTC.
ZONES = ("UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def named(name: str = "off", **parts: Any) -> Named:
    return Named(name, (Interval(**parts),))


@pytest.mark.parametrize(
    ("parts", "moment", "expected"),
    [
        ({}, "2026-03-04T12:00", True),
        ({"times": ((540, 1020),)}, "2026-03-04T09:00", True),
        ({"times": ((540, 1020),)}, "2026-03-04T08:59:59", False),
        ({"times": ((540, 1020),)}, "2026-03-04T16:59:59", True),
        ({"times": ((540, 1020),)}, "2026-03-04T17:00", False),
        ({"times": ((0, 60), (1380, 1440))}, "2026-03-04T23:59:59", True),
        ({"weekdays": ((1, 5),)}, "2026-03-06T00:00", True),
        ({"weekdays": ((1, 5),)}, "2026-03-07T00:00", False),
        ({"weekdays": ((0, 0), (6, 6))}, "2026-03-08T00:00", True),
        ({"days_of_month": ((1, 5),)}, "2026-03-05T23:59", True),
        ({"days_of_month": ((1, 5),)}, "2026-03-06T00:00", False),
        ({"days_of_month": ((-1, -1),)}, "2028-02-29T00:00", True),
        ({"days_of_month": ((-1, -1),)}, "2028-02-28T00:00", False),
        ({"days_of_month": ((-3, -1),)}, "2026-04-28T00:00", True),
        ({"days_of_month": ((31, 31),)}, "2026-04-30T00:00", False),
        ({"days_of_month": ((29, 31),)}, "2026-02-28T00:00", False),
        ({"days_of_month": ((20, -1),)}, "2026-02-28T00:00", True),
        ({"days_of_month": ((-31, 2),)}, "2026-02-01T00:00", True),
        ({"months": ((6, 8), (12, 12))}, "2026-07-01T00:00", True),
        ({"months": ((6, 8), (12, 12))}, "2026-09-01T00:00", False),
        ({"years": ((2026, 2027),)}, "2027-12-31T23:59", True),
        ({"years": ((2026, 2027),)}, "2028-01-01T00:00", False),
        ({"times": ((0, 60),), "zone": BERLIN}, "2026-07-01T22:30", True),
        ({"weekdays": ((3, 3),), "zone": BERLIN}, "2026-03-03T23:30", True),
        ({"times": ((0, 60),), "weekdays": ((1, 1),)}, "2026-03-03T00:30", False),
    ],
)
def test_what_is_given_must_all_hold(parts: dict[str, Any], moment: str, expected: bool) -> None:
    assert time_intervals.holds(named(**parts), at(moment)) is expected


def test_a_name_holds_when_one_of_its_intervals_does() -> None:
    both = Named("n", (Interval(times=((0, 60),)), Interval(times=((120, 180),))))
    found = [time_intervals.holds(both, at(f"2026-03-04T0{hour}:30")) for hour in range(4)]
    assert found == [True, False, True, False]


def test_a_route_is_quiet_in_what_mutes_it_and_outside_of_what_it_is_active_in() -> None:
    night, office = named("night", times=((0, 360),)), named("office", times=((540, 1020),))
    hours = Hours(mute=(night,), active=(office,))
    assert time_intervals.muted_by(hours, at("2026-03-04T05:00")) == ("night",)
    assert time_intervals.muted_by(hours, at("2026-03-04T08:00")) == ("office",)
    assert time_intervals.muted_by(hours, at("2026-03-04T10:00")) == ()
    assert time_intervals.muted_by(time_intervals.ALWAYS, at("2026-03-04T05:00")) == ()


@pytest.mark.parametrize(
    ("parts", "moment", "expected"),
    [
        ({"times": ((540, 1020),)}, "2026-03-04T12:00", "2026-03-04T17:00"),
        ({"times": ((540, 1020),)}, "2026-03-04T17:00", "2026-03-05T09:00"),
        ({"weekdays": ((6, 6), (0, 0))}, "2026-03-07T10:00", "2026-03-09T00:00"),
        ({"times": ((1320, 1440),)}, "2026-03-04T23:00", "2026-03-05T00:00"),
        # The clock jumps from 02:00 to 03:00 local: 02:30 never comes.
        ({"times": ((150, 240),), "zone": BERLIN}, "2026-03-29T00:00", "2026-03-29T01:00"),
        ({"times": ((60, 150),), "zone": BERLIN}, "2026-03-29T00:30", "2026-03-29T01:00"),
        # And from 03:00 back to 02:00: 02:15 to 02:45 is there twice.
        ({"times": ((135, 165),), "zone": BERLIN}, "2026-10-25T00:20", "2026-10-25T00:45"),
        ({"times": ((135, 165),), "zone": BERLIN}, "2026-10-25T00:50", "2026-10-25T01:15"),
        ({"times": ((150, 240),), "zone": BERLIN}, "2026-10-25T00:40", "2026-10-25T01:00"),
    ],
)
def test_the_end_is_known_to_the_second(parts: dict[str, Any], moment: str, expected: str) -> None:
    hours = Hours(mute=(named(**parts),))
    assert time_intervals.next_change(hours, at(moment)) == at(expected)


def test_what_never_changes_is_asked_again_in_a_while() -> None:
    now = at("2026-03-04T12:00")
    for hours in (Hours(mute=(named(),)), Hours(mute=(named(years=((2040, 2041),)),))):
        assert time_intervals.next_change(hours, now) == now + time_intervals.HORIZON


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    def some(low: int, high: int, *, open: bool = False) -> tuple[tuple[int, int], ...]:
        pairs = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
        found = draw(st.lists(pairs.filter(lambda p: not open or p[0] < p[1]), max_size=2))
        return tuple((first, last) for first, last in found)

    quarters = some(0, 96, open=True)
    return Interval(
        times=tuple((first * 15, last * 15) for first, last in quarters),
        weekdays=some(0, 6),
        days_of_month=draw(st.sampled_from(((), ((1, 10),), ((-5, -1),), ((28, 31),)))),
        zone=draw(st.sampled_from(ZONES)),
    )


@settings(max_examples=60)
@given(
    mute=st.lists(intervals(), max_size=2),
    active=st.lists(intervals(), max_size=2),
    day=st.sampled_from(("2026-03-28", "2026-10-24", "2026-04-04", "2026-02-27", "2026-06-30")),
    quarter=st.integers(0, 95),
)
def test_until_the_next_change_nothing_changes(
    mute: list[Interval], active: list[Interval], day: str, quarter: int
) -> None:
    """Asked of every quarter of an hour: no zone here changes at another minute."""
    hours = Hours(
        tuple(Named(f"m{n}", (each,)) for n, each in enumerate(mute)),
        tuple(Named(f"a{n}", (each,)) for n, each in enumerate(active)),
    )
    now = at(day) + timedelta(minutes=15 * quarter)
    quiet = bool(time_intervals.muted_by(hours, now))
    change = time_intervals.next_change(hours, now)
    step = now
    while step < min(change, now + timedelta(days=4)):
        assert bool(time_intervals.muted_by(hours, step)) is quiet, step
        step += timedelta(minutes=15)
    if change < now + time_intervals.HORIZON:
        assert bool(time_intervals.muted_by(hours, change)) is not quiet
