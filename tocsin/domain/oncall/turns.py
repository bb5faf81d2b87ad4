"""Whose turn it is: rotations by days, hours and rules."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from schemas import recurrence
from tocsin.domain.oncall import wall
from tocsin.domain.oncall.parts import Days, Hours, Rotation, Rule, Shift

_DAY = timedelta(days=1)
#: So many years may lie between two days on which a rule holds: leap days on one weekday.
_FAR = 45


def of(
    rotation: Rotation, zone: str, layer: str, since: datetime, until: datetime
) -> Iterator[Shift]:
    """The turns that touch this time, whole, in order; none is empty."""
    begins = wall.moment(zone, rotation.starts, rotation.at)
    if until <= begins:
        return
    every = rotation.every
    if isinstance(every, Days):
        handed = _by_days(every, rotation.at, zone, since)
    elif isinstance(every, Hours):
        handed = _by_hours(every, begins, since)
    else:
        handed = _by_rule(every, rotation, zone, since, until)
    number, start = next(handed)
    for following, end in handed:
        start = max(start, begins)
        if start >= until:
            return
        if end > max(start, since):
            yield Shift(rotation.turns[number % len(rotation.turns)], start, end, layer)
        number, start = following, end


def _by_days(every: Days, at: int, zone: str, since: datetime) -> Iterator[tuple[int, datetime]]:
    """Hand-offs with the number of the turn that begins, from one that is before `since` on."""
    passed = (wall.day(zone, since) - every.first).days
    number = max(0, passed // every.count - 1)
    while True:
        yield number, wall.moment(zone, every.first + number * every.count * _DAY, at)
        number += 1


def _by_hours(
    every: Hours, begins: datetime, since: datetime
) -> Iterator[tuple[int, datetime]]:  # fmt: skip
    length = timedelta(hours=every.count)
    number = max(0, (since - begins) // length)
    while True:
        yield number, begins + number * length
        number += 1


def _by_rule(
    every: Rule, rotation: Rotation, zone: str, since: datetime, until: datetime
) -> Iterator[tuple[int, datetime]]:
    """The first turn begins on the first day, even if the rule says a later one."""
    shown: tuple[datetime, ...] = ()
    for year in range(until.year, until.year + _FAR):
        shown = _handed(every.text, rotation.starts, rotation.at, year)
        if wall.read(zone, shown[-1]) > until:
            break
    early = (since - 2 * _DAY).astimezone(UTC).replace(tzinfo=None)
    for number in range(max(0, bisect.bisect_right(shown, early) - 1), len(shown)):
        yield number, wall.read(zone, shown[number])
    yield len(shown), until + _DAY


@functools.lru_cache(maxsize=512)
def _handed(rule: str, starts: date, at: int, year: int) -> tuple[datetime, ...]:
    """When the clock shows the hand-offs, up to the end of the year."""
    begins = datetime(starts.year, starts.month, starts.day) + timedelta(minutes=at)
    found = recurrence.moments(rule, begins, datetime(year + 1, 1, 1))
    return found if found and found[0] == begins else (begins, *found)
