"""Who is on call: pure, exact over changes of the clock; all moments have a zone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of a policy."""

    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody who stands in from `starts_at` to before `ends_at`, whatever the layers say."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime
    id: uuid.UUID | None = None


def who(
    schedule: Schedule, at: datetime, overrides: Sequence[Override] = ()
) -> tuple[str, ...]:  # fmt: skip
    """The people on call at this moment, by name, each once; empty: nobody."""
    return tuple(
        dict.fromkeys(
            each.person
            for each in overrides
            if each.schedule == schedule.name and each.starts_at <= at < each.ends_at
        )
    )
