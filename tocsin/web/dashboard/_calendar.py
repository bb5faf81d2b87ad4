"""The weeks of a schedule: each day a strip of its hours, with who is on call in which of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tocsin.domain import oncall
from tocsin.domain.oncall import wall
from tocsin.domain.policy import Policy
from tocsin.web.dashboard import _faces

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
#: What one row of the calendar holds.
WEEK = 7


class Piece(NamedTuple):
    """Part of a day, in minutes from its beginning; without faces: a gap."""

    begins: int
    ends: int
    starts_at: datetime
    ends_at: datetime
    faces: tuple[_faces.Face, ...]
    is_override: bool
    #: From when to when on the clocks there: 09:00 to 17:00.
    clock: str


class Day(NamedTuple):
    """A day as it is there. `minutes`: 1380 or 1500 where the clock changes."""

    date: date
    minutes: int
    pieces: tuple[Piece, ...]
    is_today: bool
    is_past: bool
    #: Where now is, in minutes; None: on another day.
    now: int | None
    #: By how many minutes the clock is put forward, or back if less than 0.
    shift: int

    @property
    def lacks(self) -> bool:
        """Whether nobody is on call at some time of it."""
        return any(not piece.faces for piece in self.pieces)


class Stretch(NamedTuple):
    """A shift, or a gap without faces, as a list shows it."""

    starts_at: datetime
    ends_at: datetime
    faces: tuple[_faces.Face, ...]
    is_override: bool
    is_now: bool


def weeks(
    policy: Policy, schedule: oncall.Schedule, first: date, count: int, now: datetime,
    known: Sequence[oncall.Override],
) -> list[list[Day]]:  # fmt: skip
    """So many weeks from the Monday of `first` on, in the schedule's own zone."""
    monday = first - timedelta(days=first.weekday())
    days = [monday + n * _DAY for n in range(count * WEEK)]
    found = stretches(
        policy, schedule, wall.moment(schedule.zone, days[0], 0),
        wall.moment(schedule.zone, days[-1] + _DAY, 0), now, known,
    )  # fmt: skip
    made = [_day(schedule.zone, day, found, now) for day in days]
    return [made[n : n + WEEK] for n in range(0, len(made), WEEK)]


def stretches(
    policy: Policy, schedule: oncall.Schedule, since: datetime, until: datetime, now: datetime,
    known: Sequence[oncall.Override],
) -> list[Stretch]:  # fmt: skip
    """Shifts and gaps in order, without a hole between them."""
    found = [
        Stretch(each.starts_at, each.ends_at,
                tuple(_faces.of(policy, name) for name in each.people),
                bool(each.overrides) and each.layer is None,
                each.starts_at <= now < each.ends_at)
        for each in oncall.shifts(schedule, since, until, known)
    ]  # fmt: skip
    found += [
        Stretch(each.starts_at, each.ends_at, (), False, each.starts_at <= now < each.ends_at)
        for each in oncall.gaps(schedule, since, until, known)
    ]
    return sorted(found, key=lambda each: each.starts_at)


def faces(weeks: Sequence[Sequence[Day]]) -> list[_faces.Face]:
    """Everybody who is in them, each once."""
    found = (face for week in weeks for day in week for piece in day.pieces for face in piece.faces)
    return list(dict.fromkeys(found))


def _day(zone: str, day: date, found: Sequence[Stretch], now: datetime) -> Day:
    begins, ends = wall.moment(zone, day, 0), wall.moment(zone, day + _DAY, 0)
    pieces = tuple(
        Piece(_minutes(max(each.starts_at, begins) - begins),
              _minutes(min(each.ends_at, ends) - begins),
              each.starts_at, each.ends_at, each.faces, each.is_override,
              _clock(zone, max(each.starts_at, begins), min(each.ends_at, ends), ends))
        for each in found if each.starts_at < ends and each.ends_at > begins
    )  # fmt: skip
    place = ZoneInfo(zone)
    before, after = (at.astimezone(place).utcoffset() or timedelta(0) for at in (begins, ends))
    today = begins <= now < ends
    return Day(
        day, _minutes(ends - begins), pieces, today, ends <= now,
        _minutes(now - begins) if today else None, _minutes(after - before),
    )  # fmt: skip


def _clock(zone: str, since: datetime, until: datetime, end: datetime) -> str:
    place = ZoneInfo(zone)
    to = "24:00" if until == end else f"{until.astimezone(place):%H:%M}"
    return f"{since.astimezone(place):%H:%M}–{to}"  # noqa: RUF001


def _minutes(length: timedelta) -> int:
    return length // _MINUTE
