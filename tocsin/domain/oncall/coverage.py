"""What is missing in the time to come: nobody there, nobody known, nobody who can be reached."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.oncall import lines
from tocsin.domain.oncall.parts import Gap, Override, Schedule, Shift


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
