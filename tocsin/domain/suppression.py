"""Which silences keep an alert quiet at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain import matchers


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are not told of from `starts_at` until, not including, `ends_at`."""

    id: str
    matchers: tuple[matchers.Matcher, ...]
    starts_at: datetime
    ends_at: datetime

    def active(self, now: datetime) -> bool:
        """Whether it is in force at `now`."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Index:
    """Silences filed under one `name="value"` that an alert must have for them to matter."""

    by_label: Mapping[tuple[str, str], tuple[Silence, ...]]
    others: tuple[Silence, ...]


def index(silences: Iterable[Silence]) -> Index:
    """File silences so that asking costs as many look-ups as the alert has labels."""
    by_label: dict[tuple[str, str], tuple[Silence, ...]] = {}
    others: list[Silence] = []
    for silence in silences:
        if key := _key(silence):
            by_label[key] = (*by_label.get(key, ()), silence)
        else:
            others.append(silence)
    return Index(by_label, tuple(others))


def silenced_by(
    silences: Iterable[Silence] | Index, labels: Mapping[str, str], now: datetime
) -> tuple[str, ...]:
    """The ids of the silences in force that match these labels, sorted."""
    filed = silences if isinstance(silences, Index) else index(silences)
    candidates = [*filed.others]
    for item in labels.items():
        candidates += filed.by_label.get(item, ())
    hits = (s for s in candidates if s.active(now) and matchers.matches(s.matchers, labels))
    return tuple(sorted(silence.id for silence in hits))


def _key(silence: Silence) -> tuple[str, str] | None:
    """An equality that the labels must hold themselves; an empty value may also be absent."""
    for matcher in silence.matchers:
        if matcher.op == "=" and matcher.value:
            return matcher.name, matcher.value
    return None
