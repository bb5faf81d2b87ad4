"""Which silences and maintenance windows keep an alert quiet at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tocsin.domain import matchers

Kind = Literal["silence", "maintenance"]

#: What a silence waits for until it believes that what it held back is over: alerts flap.
GRACE = timedelta(minutes=5)
#: How soon it asks again while something still fires.
ASK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are not told of from `starts_at` until, not including, `ends_at`.

    `until_resolved`: it ends sooner if all that it held back is over.
    """

    id: str
    matchers: tuple[matchers.Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    kind: Kind = "silence"
    until_resolved: bool = False

    def active(self, now: datetime) -> bool:
        """Whether it is in force at `now`."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Index:
    """Silences filed under one `name="value"` that an alert must have for them to matter.

    `windows` are the ids of maintenance windows, `passing` of those that end with what they hold.
    """

    by_label: Mapping[tuple[str, str], tuple[Silence, ...]]
    others: tuple[Silence, ...]
    windows: frozenset[str] = frozenset()
    passing: frozenset[str] = frozenset()


def index(silences: Iterable[Silence]) -> Index:
    """File silences so that asking costs as many look-ups as the alert has labels."""
    by_label: dict[tuple[str, str], tuple[Silence, ...]] = {}
    others: list[Silence] = []
    every = tuple(silences)
    for silence in every:
        if key := matchers.pinned(silence.matchers):
            by_label[key] = (*by_label.get(key, ()), silence)
        else:
            others.append(silence)
    return Index(
        by_label,
        tuple(others),
        frozenset(silence.id for silence in every if silence.kind == "maintenance"),
        frozenset(silence.id for silence in every if silence.until_resolved),
    )


def silenced_by(
    silences: Iterable[Silence] | Index, labels: Mapping[str, str], now: datetime
) -> tuple[str, ...]:
    """The ids of the silences and windows in force that match these labels, sorted."""
    filed = silences if isinstance(silences, Index) else index(silences)
    candidates = [*filed.others]
    for item in labels.items():
        candidates += filed.by_label.get(item, ())
    hits = (s for s in candidates if s.active(now) and matchers.matches(s.matchers, labels))
    return tuple(sorted(silence.id for silence in hits))


def outcome(filed: Index, by: Iterable[str]) -> Literal["silenced", "muted"]:
    """What becomes of an alert that these hold back: a silence, if there is one, says more."""
    return "muted" if all(id in filed.windows for id in by) else "silenced"


def look_again(firing: int, over: datetime | None, now: datetime) -> datetime | None:
    """When to ask again whether a silence has nothing to hold any more; None: it ends now.

    `firing` counts what still fires of all that it held back, `over` is when the last was over.
    """
    if firing or over is None:
        return now + ASK_AGAIN
    return None if over + GRACE <= now else over + GRACE
