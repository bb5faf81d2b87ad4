"""What is missing in the time to come: nobody there, nobody known, nobody who can be reached."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.domain.oncall import lines, spans
from tocsin.domain.oncall.parts import Gap, Override, Schedule, Shift, Span

#: When people sleep, unless they say otherwise: from 23:00 to 07:00.
_WAKES, _SLEEPS, _DAY = 7, 23, 24
_NIGHT = Span(frozenset(range(7)), _SLEEPS * 60, (_DAY + _WAKES) * 60)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The holes of one schedule; it is whole where all three are empty."""

    gaps: tuple[Gap, ...]
    #: Shifts of which nobody is one of the people of the policy.
    empty: tuple[Shift, ...]
    #: People on call whom no account of the policy reaches, with their first shift.
    unreachable: tuple[tuple[str, Shift], ...]

    @property
    def whole(self) -> bool:
        return not (self.gaps or self.empty or self.unreachable)


def of(
    schedule: Schedule, since: datetime, until: datetime, overrides: Sequence[Override],
    *, people: Collection[str], reachable: Collection[str],
) -> Coverage:  # fmt: skip
    """What is missing from `since` to before `until`."""
    line = lines.shifts(schedule, since, until, overrides)
    first: dict[str, Shift] = {}
    for shift in line:
        for name in shift.people:
            if name in people and name not in reachable:
                first.setdefault(name, shift)
    return Coverage(
        tuple(lines.gaps(schedule, since, until, overrides)),
        tuple(shift for shift in line if not any(name in people for name in shift.people)),
        tuple(first.items()),
    )


def awake(zone: str, at: datetime) -> bool:
    """Whether people who live there are likely to be."""
    return _WAKES <= at.astimezone(ZoneInfo(zone)).hour < _SLEEPS


def nights(shifts: Sequence[Shift], zone: str) -> timedelta:
    """How much of these shifts, which are in order, is night for somebody who lives there."""
    if not shifts:
        return timedelta(0)
    found = spans.during(shifts, [_NIGHT], zone, shifts[0].starts_at, shifts[-1].ends_at)
    return sum((each.ends_at - each.starts_at for each in found), timedelta(0))
