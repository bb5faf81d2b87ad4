"""Stretches of time: hours and days of a layer, and what remains of shifts under others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from tocsin.domain.oncall import wall
from tocsin.domain.oncall.parts import Layer, Shift, Span

Stretch = tuple[datetime, datetime]
_MIDNIGHT = 1440
_DAY = timedelta(days=1)


def limited(layer: Layer, shifts: Iterable[Shift], since: datetime, until: datetime) -> list[Shift]:
    """What the hours and days of the layer leave of these, which are in order."""
    found = list(shifts)
    days = _days(layer.zone, since, until)
    if layer.hours:
        found = list(_within(found, _hours(layer.hours, layer.zone, days)))
    if layer.only is not None:
        found = list(_within(found, _whole(layer.only, layer.zone, days)))
    if layer.never:
        found = list(without(found, _whole(layer.never, layer.zone, days)))
    return found


def during(
    shifts: Iterable[Shift], hours: Sequence[Span], zone: str, since: datetime, until: datetime
) -> list[Shift]:
    """The parts of the shifts, which lie between these moments, that lie in these hours."""
    return list(_within(shifts, _hours(hours, zone, _days(zone, since, until))))


def without(shifts: Iterable[Shift], taken: Sequence[Stretch]) -> Iterator[Shift]:
    """The parts of the shifts that lie outside of these stretches; both in order."""
    first = 0
    for shift in shifts:
        start = shift.starts_at
        while first < len(taken) and taken[first][1] <= start:
            first += 1
        for at in range(first, len(taken)):
            begins, ends = taken[at]
            if begins >= shift.ends_at:
                break
            if begins > start:
                yield dataclasses.replace(shift, starts_at=start, ends_at=begins)
            start = max(start, ends)
        if start < shift.ends_at:
            yield dataclasses.replace(shift, starts_at=start)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time in order, with no two that touch; empty ones are left out."""
    found: list[Stretch] = []
    for begins, ends in sorted(each for each in stretches if each[0] < each[1]):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((begins, ends))
    return found


def _within(shifts: Iterable[Shift], allowed: Sequence[Stretch]) -> Iterator[Shift]:
    first = 0
    for shift in shifts:
        while first < len(allowed) and allowed[first][1] <= shift.starts_at:
            first += 1
        for at in range(first, len(allowed)):
            begins, ends = allowed[at]
            if begins >= shift.ends_at:
                break
            yield dataclasses.replace(
                shift, starts_at=max(begins, shift.starts_at), ends_at=min(ends, shift.ends_at)
            )


def _days(zone: str, since: datetime, until: datetime) -> list[date]:
    """Each day there on which something may begin that touches this time."""
    first = wall.day(zone, since) - 2 * _DAY
    return [first + n * _DAY for n in range((wall.day(zone, until) - first).days + 2)]


def _hours(hours: Sequence[Span], zone: str, days: Sequence[date]) -> list[Stretch]:
    return merged(
        (wall.moment(zone, day, each.from_), wall.moment(zone, day, each.to))
        for day in days
        for each in hours
        if day.weekday() in each.days
    )


def _whole(wanted: frozenset[date], zone: str, days: Sequence[date]) -> list[Stretch]:
    return merged(
        (wall.moment(zone, day, 0), wall.moment(zone, day, _MIDNIGHT))
        for day in days
        if day in wanted
    )
