"""When a route may speak: Alertmanager's time intervals, exact where clocks are changed.

An interval is a set of moments, asked of the clock on the wall of its zone. So an hour that a day
has twice is in it twice, and one that a day lacks is not in it.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: Who waits for a change asks again after so long at the latest.
HORIZON = timedelta(days=40)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """All that is given must hold; what is empty holds always.

    `times` are minutes of the day, without the last; the others are inclusive. Sunday is 0; a day
    of the month below zero counts from its end. The zone may be any that `zoneinfo` knows.
    """

    times: tuple[Span, ...] = ()
    weekdays: tuple[Span, ...] = ()
    days_of_month: tuple[Span, ...] = ()
    months: tuple[Span, ...] = ()
    years: tuple[Span, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Named:
    """Intervals under one name: it holds when one of them does."""

    name: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """When a route speaks: not while one of `mute` holds, and only while one of `active` does.

    Without `active` it may always speak.
    """

    mute: tuple[Named, ...] = ()
    active: tuple[Named, ...] = ()


ALWAYS = Hours()


def holds(named: Named, at: datetime) -> bool:
    """Whether the moment lies in one of its intervals."""
    return any(_contains(each, at) for each in named.intervals)


def muted_by(hours: Hours, at: datetime) -> tuple[str, ...]:
    """The names of what keeps the route quiet at this moment: none, if it may speak.

    Outside of its active intervals these are the names of the intervals that it waits for.
    """
    found = [each.name for each in hours.mute if holds(each, at)]
    if not found and hours.active and not any(holds(each, at) for each in hours.active):
        found = [each.name for each in hours.active]
    return tuple(found)


def next_change(hours: Hours, at: datetime) -> datetime:
    """The first moment after `at` at which the route may speak, or falls silent, unlike at `at`.

    Where that is further ahead than `HORIZON`, the moment then: who waits asks again.
    """
    quiet = bool(muted_by(hours, at))
    zones = {each.zone for named in (*hours.mute, *hours.active) for each in named.intervals}
    minutes = {
        minute
        for named in (*hours.mute, *hours.active)
        for each in named.intervals
        for span in each.times
        for minute in span
    }
    last = at + HORIZON
    steps = sorted({step for zone in zones for step in _steps(zone, minutes, at, last)})
    for step in steps:
        if bool(muted_by(hours, step)) is not quiet:
            return step
    return last


def _contains(interval: Interval, at: datetime) -> bool:
    shown = at.astimezone(ZoneInfo(interval.zone))
    minute = shown.hour * 60 + shown.minute
    return (
        _on(interval, shown.date())
        and (not interval.times or any(start <= minute < end for start, end in interval.times))
    )  # fmt: skip


def _on(interval: Interval, day: date) -> bool:
    return (
        _within(interval.weekdays, (day.weekday() + 1) % 7)
        and _within(interval.months, day.month)
        and _within(interval.years, day.year)
        and (not interval.days_of_month or _of_month(interval.days_of_month, day))
    )


def _within(spans: tuple[Span, ...], value: int) -> bool:
    return not spans or any(first <= value <= last for first, last in spans)


def _of_month(spans: tuple[Span, ...], day: date) -> bool:
    days = calendar.monthrange(day.year, day.month)[1]
    for first, last in spans:
        first = first if first > 0 else days + first + 1
        last = last if last > 0 else days + last + 1
        # A span that begins after the end of a short month is not in it.
        if first <= days and first <= day.day <= last:
            return True
    return False


def _steps(zone: str, minutes: set[int], after: datetime, last: datetime) -> Iterator[datetime]:
    """The moments at which the clock there shows one of these minutes, or midnight, or jumps."""
    place = ZoneInfo(zone)
    day = after.astimezone(place).date() - _DAY
    before = _offset(place, day)
    while (start := _moment(place, day, 0, 0)) <= last:
        for minute in {0, *minutes}:
            for fold in (0, 1):
                if after < (step := _moment(place, day, minute, fold)) <= last:
                    yield step
        offset = _offset(place, day + _DAY)
        if offset != before:
            jump = _jump(place, start - _DAY, start + 2 * _DAY, before)
            if after < jump <= last:
                yield jump
        before, day = offset, day + _DAY


def _moment(place: ZoneInfo, day: date, minute: int, fold: int) -> datetime:
    shown = datetime.combine(day, time()) + timedelta(minutes=minute)
    return shown.replace(tzinfo=place, fold=fold).astimezone(UTC)


def _offset(place: ZoneInfo, day: date) -> timedelta | None:
    return _moment(place, day, 0, 0).astimezone(place).utcoffset()


def _jump(place: ZoneInfo, early: datetime, late: datetime, offset: timedelta | None) -> datetime:
    """The first second at which the offset is not this any more."""
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(place).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
