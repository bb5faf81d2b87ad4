"""From layers and overrides to one line of shifts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tocsin.domain.oncall import calendars, spans, turns
from tocsin.domain.oncall.parts import Gap, Layer, Override, Rotation, Schedule, Shift

_TICK = timedelta(microseconds=1)
#: How far the next change is looked for, step by step.
_AHEAD = (timedelta(days=8), timedelta(days=60), timedelta(days=400))


def who(
    schedule: Schedule, at: datetime, overrides: Sequence[Override] = ()
) -> tuple[str, ...]:  # fmt: skip
    """The people on call at this moment, by name, each once; empty: nobody."""
    # In UTC: the next moment after one in the hour that comes twice is not in the first of them.
    at = at.astimezone(UTC)
    found = shifts(schedule, at, at + _TICK, overrides)
    return found[0].people if found else ()


def shifts(
    schedule: Schedule, since: datetime, until: datetime, overrides: Sequence[Override] = ()
) -> list[Shift]:
    """Who is on call from `since` to before `until`, in order; gaps have no shift.

    Overrides of other schedules are passed over; of several at once all stand in.
    """
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    line: list[Shift] = []
    for layer in schedule.layers:
        line = _over(line, _layer(layer, since, until))
    line = _over(line, _standing_in(schedule.name, overrides, since, until))
    return [
        dataclasses.replace(
            each, starts_at=max(each.starts_at, since), ends_at=min(each.ends_at, until)
        )
        for each in line
        if each.ends_at > since and each.starts_at < until
    ]


def following(
    schedule: Schedule, at: datetime, overrides: Sequence[Override] = ()
) -> Shift | Gap | None:
    """What comes when the people on call change next; None: not within 400 days."""
    at = at.astimezone(UTC)
    for ahead in _AHEAD:
        until = at + ahead
        change = _change(shifts(schedule, at, until, overrides), at, until)
        # What reaches the end of the time looked at may be longer: look further.
        if change and (change.ends_at < until or ahead == _AHEAD[-1]):
            return change
    return None


def gaps(
    schedule: Schedule, since: datetime, until: datetime, overrides: Sequence[Override] = ()
) -> list[Gap]:
    """When nobody is on call."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    held = spans.merged(
        (each.starts_at, each.ends_at) for each in shifts(schedule, since, until, overrides)
    )
    edges = [since, *(edge for stretch in held for edge in stretch), until]
    return [
        Gap(begins, ends)
        for begins, ends in zip(edges[::2], edges[1::2], strict=True)
        if begins < ends
    ]


def together(said: Iterable[Shift]) -> list[Shift]:
    """The same in order without overlaps: who is named at once, is on call together."""
    every = [each for each in said if each.starts_at < each.ends_at]
    edges = sorted({edge for each in every for edge in (each.starts_at, each.ends_at)})
    every.sort(key=lambda each: each.starts_at)
    found: list[Shift] = []
    open_: list[Shift] = []
    waiting = 0
    for begins, ends in pairwise(edges):
        open_ = [each for each in open_ if each.ends_at > begins]
        while waiting < len(every) and every[waiting].starts_at <= begins:
            open_.append(every[waiting])
            waiting += 1
        if open_:
            found.append(_joined(open_, begins, ends))
    return found


def _joined(parts: Sequence[Shift], begins: datetime, ends: datetime) -> Shift:
    people = dict.fromkeys(name for each in parts for name in each.people)
    overrides = dict.fromkeys(one for each in parts for one in each.overrides)
    return Shift(tuple(people), begins, ends, parts[0].layer, tuple(overrides))


def _change(line: Sequence[Shift], at: datetime, until: datetime) -> Shift | Gap | None:
    now: tuple[str, ...] = ()
    reached = at
    for shift in line:
        if shift.starts_at > reached and now:
            return Gap(reached, shift.starts_at)
        if shift.starts_at > at and shift.people != now:
            return shift
        now, reached = shift.people, shift.ends_at
    return Gap(reached, until) if now and reached < until else None


def _over(lower: list[Shift], upper: list[Shift]) -> list[Shift]:
    """The upper ones, and what they leave of the lower ones."""
    if not lower or not upper:
        return lower or upper
    taken = spans.merged((each.starts_at, each.ends_at) for each in upper)
    return sorted([*spans.without(lower, taken), *upper], key=lambda each: each.starts_at)


def _layer(layer: Layer, since: datetime, until: datetime) -> list[Shift]:
    if isinstance(layer.source, Rotation):
        found = turns.of(layer.source, layer.zone, layer.name, since, until)
        return spans.limited(layer, found, since, until)
    named = calendars.of(layer.source, layer.zone, layer.name, since, until)
    return spans.limited(layer, together(named), since, until)


def _standing_in(
    schedule: str, overrides: Sequence[Override], since: datetime, until: datetime
) -> list[Shift]:
    return together(
        Shift(
            (each.person,), each.starts_at.astimezone(UTC), each.ends_at.astimezone(UTC),
            overrides=() if each.id is None else (each.id,),
        )
        for each in overrides
        if each.schedule == schedule and each.ends_at > since and each.starts_at < until
    )  # fmt: skip
