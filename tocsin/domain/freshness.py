"""How long an alert counts whose sender never says that it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.domain import matchers


@dataclass(frozen=True, slots=True)
class Freshness:
    """Alerts that match are over so long after they were posted last."""

    matchers: tuple[matchers.Matcher, ...]
    stale_after: timedelta


def stale_after(rules: Sequence[Freshness], labels: Mapping[str, str]) -> timedelta | None:
    """The first that matches decides; None: none does."""
    for rule in rules:
        if matchers.matches(rule.matchers, labels):
            return rule.stale_after
    return None
