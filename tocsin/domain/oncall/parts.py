"""What schedules are made of. All moments have a zone; what comes out is in UTC."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Days:
    """A turn is so many days; hand-offs are on `first` and every so many days from it on."""

    count: int
    first: date


@dataclass(frozen=True, slots=True)
class Hours:
    """A turn is so many hours that pass, whatever the clock on the wall does."""

    count: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Hand-offs are when this rule of RFC 5545 says; it was checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns, from the day `starts` on; `at` is in minutes after midnight."""

    turns: tuple[tuple[str, ...], ...]
    every: Days | Hours | Rule
    starts: date
    at: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """An iCalendar, checked; `names` are (what an event may say, the person that it means)."""

    text: str
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Times on these weekdays (Monday is 0), in minutes; those that end beyond 1440 end the next
    day."""

    days: frozenset[int]
    from_: int
    to: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation or calendar, and when it has nobody."""

    name: str
    zone: str
    source: Rotation | Calendar
    #: Only then there is somebody; none: always.
    hours: tuple[Span, ...] = ()
    #: Only on these days; None: on all.
    only: frozenset[date] | None = None
    #: Never on these.
    never: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of a policy; later layers win where they have somebody."""

    name: str
    zone: str
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody who stands in from `starts_at` to before `ends_at`, whatever the layers say."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime
    id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """People on call from `starts_at` to before `ends_at`.

    `layer` says which one it is from; else these overrides made it.
    """

    people: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    layer: str | None = None
    overrides: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on call from `starts_at` to before `ends_at`."""

    starts_at: datetime
    ends_at: datetime
