"""Business time equals what a count of minutes gives, over changes of the clock and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.holidays import Holidays
from schemas.service_levels import Calendar, Hours
from tocsin.domain import calendars

MINUTE = timedelta(minutes=1)
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFICE = calendars.Calendar("office", "Europe/Berlin", (((540, 1020),),) * 5 + ((), ()))
#: Changes at night, at midnight, of half an hour, none; and an island that left out a day.
ZONES = (
    "Europe/Berlin", "America/New_York", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe",
    "Asia/Kolkata", "UTC", "Pacific/Apia", "Africa/Casablanca",
)  # fmt: skip
#: Days on which something happens in one of them.
DAYS = (
    datetime(2026, 3, 28), datetime(2026, 3, 7), datetime(2026, 10, 24), datetime(2026, 10, 31),
    datetime(2026, 4, 4), datetime(2026, 10, 3), datetime(2011, 12, 29), datetime(2026, 2, 14),
    datetime(2026, 6, 1), datetime(2026, 12, 24), datetime(2026, 3, 20),
)  # fmt: skip


def counted(calendar: calendars.Calendar, start: datetime, end: datetime) -> timedelta:
    """Minute by minute, by what the clock on the wall shows."""
    zone, total = ZoneInfo(calendar.zone), timedelta(0)
    while start < end:
        wall = start.astimezone(zone)
        minute = wall.hour * 60 + wall.minute
        spans = calendar.hours[wall.weekday()]
        if wall.date() not in calendar.holidays and any(a <= minute < b for a, b in spans):
            total += MINUTE
        start += MINUTE
    return total


spans = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] < span[1]),
    max_size=3,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[calendars.Calendar, datetime, datetime]:
    day = draw(st.sampled_from(DAYS))
    hours = [
        Hours(days=[draw(st.sampled_from(WEEK))], **{"from": _clock(a), "to": _clock(b)})
        for a, b in [*draw(spans), (0, 1440)]
    ]
    closed = [day.date() + timedelta(days=n) for n in draw(st.sets(st.integers(0, 3), max_size=2))]
    written = Calendar(name="x", zone=draw(st.sampled_from(ZONES)), hours=hours, holidays="h")
    made = calendars.compiled(written, Holidays(name="h", days=closed))
    start = day.replace(tzinfo=UTC) + draw(st.integers(0, 2000)) * MINUTE
    return made, start, start + draw(st.integers(0, 4000)) * MINUTE


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@given(cases())
@example((OFFICE, datetime(2026, 3, 27, 15, 30, tzinfo=UTC), datetime(2026, 3, 30, 8, tzinfo=UTC)))
def test_it_is_what_a_count_of_minutes_gives(
    case: tuple[calendars.Calendar, datetime, datetime],
) -> None:
    calendar, start, end = case
    assert calendars.elapsed(calendar, start, end) == counted(calendar, start, end)
    assert calendars.runs(calendar, start) == bool(counted(calendar, start, start + MINUTE))


@given(cases(), st.integers(1, 3000))
def test_after_is_the_first_moment_with_so_much_time_behind_it(
    case: tuple[calendars.Calendar, datetime, datetime], minutes: int
) -> None:
    calendar, start, _ = case
    span = minutes * MINUTE
    found = calendars.after(calendar, start, span)
    assert found is not None
    assert calendars.elapsed(calendar, start, found) == span
    before = found - timedelta(seconds=1)
    assert calendars.elapsed(calendar, start, before) < span


def test_an_hour_that_a_day_has_twice_counts_twice_and_one_that_it_lacks_does_not() -> None:
    night = calendars.Calendar("night", "Europe/Berlin", (((60, 240),),) * 7)

    def whole(day: date) -> timedelta:
        start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin"))
        return calendars.elapsed(
            night, start.astimezone(UTC), start.astimezone(UTC) + 20 * 60 * MINUTE
        )

    assert whole(date(2026, 3, 29)) == timedelta(hours=2)
    assert whole(date(2026, 10, 25)) == timedelta(hours=4)
    assert whole(date(2026, 6, 1)) == timedelta(hours=3)


def test_without_a_calendar_all_time_counts() -> None:
    start = datetime(2026, 1, 3, tzinfo=UTC)
    assert calendars.elapsed(None, start, start + MINUTE) == MINUTE
    assert calendars.elapsed(None, start, start - MINUTE) == timedelta(0)
    assert calendars.after(None, start, MINUTE) == start + MINUTE
    assert calendars.runs(None, start)


def test_a_calendar_that_never_opens_again_is_said_to() -> None:
    shut = calendars.Calendar("shut", "UTC", ((),) * 7)
    assert calendars.after(shut, datetime(2026, 1, 1, tzinfo=UTC), MINUTE) is None
    assert not calendars.runs(shut, datetime(2026, 1, 1, tzinfo=UTC))


def test_hours_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(ValueError, match="write a night as two"):
        Hours(days=["monday"], **{"from": "22:00", "to": "06:00"})
