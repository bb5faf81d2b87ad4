"""Business time: how much of it lies between two moments, and when so much of it is over.

Exact over changes of the clock: an hour that a day has twice counts twice where it is a business
hour, and one that a day lacks does not count. Without a calendar all time is business time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.holidays import Holidays
from schemas.service_levels import Calendar as Written

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: A calendar in which nothing opens for so long never opens.
HORIZON = timedelta(days=3660)
_SECOND = timedelta(seconds=1)

Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Calendar:
    """`hours` has for each day of the week the minutes of the day in which the clock runs."""

    name: str
    zone: str
    hours: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[date] = frozenset()


def compiled(written: Written, holidays: Holidays | None) -> Calendar:
    """The calendar as it is counted with: hours in order, those that touch made one."""
    by_day: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    for each in written.hours:
        for day in each.days:
            by_day[_DAYS.index(day)].append((_minutes(each.from_), _minutes(each.to)))
    hours = tuple(_joined(sorted(spans)) for spans in by_day)
    closed = frozenset(holidays.days if holidays else ())
    return Calendar(written.name, written.zone, hours, closed)


def elapsed(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """The business time from `start` to before `end`; none where `end` is not later."""
    if end <= start:
        return timedelta(0)
    if calendar is None:
        return end - start
    total = timedelta(0)
    for opens, closes in windows(calendar, start):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


def after(calendar: Calendar | None, start: datetime, span: timedelta) -> datetime | None:
    """The first moment at which so much business time has passed since `start`.

    None: it never does, because the calendar does not open any more.
    """
    if calendar is None or span <= timedelta(0):
        return start + max(span, timedelta(0))
    for opens, closes in windows(calendar, start):
        if closes - opens >= span:
            return opens + span
        span -= closes - opens
    return None


def runs(calendar: Calendar | None, at: datetime) -> bool:
    """Whether the clock runs at this moment."""
    if calendar is None:
        return True
    first = next(windows(calendar, at), None)
    return first is not None and first[0] <= at


def windows(calendar: Calendar, start: datetime) -> Iterator[Window]:
    """The times from `start` on in which the clock runs, in UTC and in order."""
    start = start.astimezone(UTC)
    day = start.astimezone(ZoneInfo(calendar.zone)).date() - timedelta(days=1)
    last = day + HORIZON
    while day < last:
        if day not in calendar.holidays and (spans := calendar.hours[day.weekday()]):
            for opens, closes in _of_day(calendar.zone, spans, day):
                if closes > start:
                    yield max(opens, start), closes
        day += timedelta(days=1)


@functools.lru_cache(maxsize=4096)
def _of_day(zone: str, spans: tuple[tuple[int, int], ...], day: date) -> tuple[Window, ...]:
    """When the wall clock of this day shows a time in one of the spans."""
    midnight = datetime(day.year, day.month, day.day)
    found = []
    for begins, ends, offset in _offsets(ZoneInfo(zone), midnight):
        for first, last in spans:
            opens = (midnight + timedelta(minutes=first) - offset).replace(tzinfo=UTC)
            closes = (midnight + timedelta(minutes=last) - offset).replace(tzinfo=UTC)
            if max(opens, begins) < min(closes, ends):
                found.append((max(opens, begins), min(closes, ends)))
    return tuple(sorted(found))


def _offsets(zone: ZoneInfo, midnight: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The parts of a local day, each with the one distance from UTC that it has."""
    following = midnight + timedelta(days=1)
    low = min(midnight.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    high = max(following.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    first, last = _offset(zone, low), _offset(zone, high - _SECOND)
    if first == last:
        yield low, high, first
        return
    before, behind = low, high - _SECOND
    while behind - before > _SECOND:
        middle = (before + (behind - before) / 2).replace(microsecond=0)
        if _offset(zone, middle) == first:
            before = middle
        else:
            behind = middle
    yield low, behind, first
    yield behind, high, last


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    made: list[tuple[int, int]] = []
    for first, last in spans:
        if made and first <= made[-1][1]:
            made[-1] = (made[-1][0], max(last, made[-1][1]))
        else:
            made.append((first, last))
    return tuple(made)
