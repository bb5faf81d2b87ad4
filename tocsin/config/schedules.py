"""From schedules as they are written to the ones that answer who is on call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from schemas import schedules as written
from schemas.holidays import Holidays
from schemas.people import Person
from tocsin.config import plain, problems
from tocsin.domain import oncall
from tocsin.domain.oncall import calendars

Problem = tuple[problems.Path, str]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MIDNIGHT = 1440


def compiled(
    schedules: Sequence[written.Schedule], holidays: Mapping[str, Holidays],
    people: Sequence[Person],
) -> dict[str, oncall.Schedule]:  # fmt: skip
    """The checked schedules of a document, by name."""
    names = tuple(_meant((each.name, each.email) for each in people).items())
    return {
        each.name: oncall.Schedule(
            each.name, each.zone,
            tuple(_layer(layer, at, each.zone, holidays, names)
                  for at, layer in enumerate(each.layers, 1)),
        )
        for each in schedules
    }  # fmt: skip


def problems_of(document: Any) -> Iterator[Problem]:
    """Names that lead nowhere and calendars that cannot be read; wrong forms are passed over."""
    if not isinstance(document, dict):
        return
    people = plain.names(document, "people")
    meant = _meant((each.get("name"), each.get("email")) for _, each in
                   plain.dicts(document, "people"))  # fmt: skip
    holidays = plain.names(document, "holidays")
    for at, schedule in plain.dicts(document, "schedules"):
        yield from _twice(schedule, ("schedules", at, "layers"))
        for index, layer in plain.dicts(schedule, "layers"):
            path = ("schedules", at, "layers", index)
            yield from _turns(layer, people, path)
            yield from _calendar(layer, meant, people, path)
            for key in ("holiday", "not_holiday"):
                name = layer.get(key)
                if isinstance(name, str) and name not in holidays:
                    said = f"there is no `{name}` in holidays" + problems.suggest(name, holidays)
                    yield (*path, key), said


def _twice(schedule: dict[str, Any], path: problems.Path) -> Iterator[Problem]:
    """Layers that shifts would call by the same name."""
    seen: set[str] = set()
    for index, layer in plain.dicts(schedule, "layers"):
        name = layer.get("name") or f"layer {index + 1}"
        if isinstance(name, str):
            if name in seen:
                yield (*path, index), f"two of the layers have the name `{name}`"
            seen.add(name)


def _turns(layer: dict[str, Any], people: list[str], path: problems.Path) -> Iterator[Problem]:
    for index, turn in enumerate(plain.listed(layer, "people")):
        several = isinstance(turn, list)
        for place, name in enumerate(turn if several else [turn]):
            if isinstance(name, str) and name not in people:
                said = f"there is nobody called `{name}` in people"
                where = (*path, "people", index, place) if several else (*path, "people", index)
                yield where, said + problems.suggest(name, people)


def _calendar(
    layer: dict[str, Any], meant: dict[str, str], people: list[str], path: problems.Path
) -> Iterator[Problem]:
    text = layer.get("ical")
    if not isinstance(text, str) or len(text) > written.LARGEST_CALENDAR:
        return
    for said, unknown in dict.fromkeys(calendars.problems(text, frozenset(meant))):
        hint = problems.suggest(unknown, people) if unknown else ""
        yield (*path, "ical"), said + hint


def _meant(named: Any) -> dict[str, str]:
    """The person whom an event means by a name or an address."""
    pairs = [pair for pair in named if isinstance(pair[0], str)]
    found = {email.lower(): name for name, email in pairs if isinstance(email, str)}
    return found | {name: name for name, _ in pairs}


def _layer(
    layer: written.Layer, number: int, zone: str, holidays: Mapping[str, Holidays],
    names: tuple[tuple[str, str], ...],
) -> oncall.Layer:  # fmt: skip
    source = _rotation(layer) if layer.ical is None else oncall.Calendar(layer.ical, names)
    return oncall.Layer(
        name=layer.name or f"layer {number}",
        zone=layer.zone or zone,
        source=source,
        hours=tuple(_span(each) for each in layer.hours),
        only=frozenset(holidays[layer.holiday].days) if layer.holiday else None,
        never=frozenset(holidays[layer.not_holiday].days if layer.not_holiday else ()),
    )


def _rotation(layer: written.Layer) -> oncall.Rotation:
    every: oncall.Days | oncall.Hours | oncall.Rule
    count, unit = layer.length
    if layer.rrule is not None:
        every = oncall.Rule(layer.rrule)
    elif unit == "h":
        every = oncall.Hours(count)
    elif layer.weekly:
        back = (layer.starts.weekday() - _WEEKDAYS.index(layer.on or "monday")) % 7
        every = oncall.Days(count, layer.starts - timedelta(days=back))
    else:
        every = oncall.Days(count, layer.starts)
    turns = tuple(tuple(turn) for turn in layer.people)
    return oncall.Rotation(turns, every, layer.starts, _minutes(layer.at))


def _span(hours: written.Hours) -> oncall.Span:
    begins, ends = _minutes(hours.from_), _minutes(hours.to)
    days = frozenset(_WEEKDAYS.index(each) for each in hours.days or _WEEKDAYS)
    return oncall.Span(days, begins, ends if ends > begins else ends + _MIDNIGHT)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
