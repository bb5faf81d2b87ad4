"""How much a silence would keep quiet, and whether that is more than the policy allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from schemas.alert import SEVERITY_RANK, Severity
from tocsin.domain import matchers, suppression

#: So many alerts are shown as examples.
SAMPLES = 10
#: A larger part of all that fires is worth a warning.
MUCH = 0.5


@dataclass(frozen=True, slots=True)
class Guard:
    """What a silence may be without an admin saying so."""

    longest: timedelta = timedelta(days=30)
    #: Alerts that fire now and that it may hold back; None: no bound.
    broadest: int | None = None
    #: Whether it may hold back critical alerts that fire now.
    critical: bool = True
    #: Whether it may do without a matcher that names a value (`name=value`).
    patterns: bool = True


#: What holds where the policy says nothing.
DEFAULT = Guard()


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that a silence may hit; `changes` and `told` are those of the last day."""

    fingerprint: str
    severity: Severity
    labels: Mapping[str, str]
    starts_at: datetime
    changes: int = 0
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """What a silence would hit. `whole` is False where there was too much to look at it all.

    `firing` of the `in_all` alerts that fire now, `critical` of them. In the last day: `alerts`
    that changed, their `changes`, and the `notifications` that these led to.
    """

    firing: int
    in_all: int
    critical: int
    alerts: int
    changes: int
    notifications: int
    samples: tuple[Alert, ...]
    whole: bool = True

    @property
    def share(self) -> float:
        """The part of all that fires, from 0 to 1."""
        return self.firing / self.in_all if self.in_all else 0.0


Reason = Literal["longest", "broadest", "critical", "patterns", "unknown"]


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the guard refuses: which of its keys, what was found, and what it allows."""

    reason: Reason
    found: object = None
    allowed: object = None


def reach(
    silence: suppression.Silence, firing: Iterable[Alert], recent: Iterable[Alert], *,
    in_all: int, whole: bool = True,
) -> Reach:  # fmt: skip
    """What it hits once it is in force; judged by what judges each flush."""
    filed, at = suppression.index([silence]), silence.starts_at
    now = [a for a in firing if suppression.silenced_by(filed, a.labels, at)]
    day = [a for a in recent if suppression.silenced_by(filed, a.labels, at)]
    worst = sorted(now or day, key=lambda a: (-SEVERITY_RANK[a.severity], a.fingerprint))
    return Reach(
        firing=len(now),
        in_all=max(in_all, len(now)),
        critical=sum(a.severity == "critical" for a in now),
        alerts=len(day),
        changes=sum(a.changes for a in day),
        notifications=len(frozenset().union(*(a.told for a in day))),
        samples=tuple(worst[:SAMPLES]),
        whole=whole,
    )


def objections(
    guard: Guard, conditions: Sequence[matchers.Matcher], length: timedelta, found: Reach
) -> list[Objection]:
    """All that the guard has against it; none: it may be made."""
    said: list[Objection] = []
    if length > guard.longest:
        said.append(Objection("longest", length, guard.longest))
    if guard.broadest is not None and found.firing > guard.broadest:
        said.append(Objection("broadest", found.firing, guard.broadest))
    if not guard.critical and found.critical:
        said.append(Objection("critical", found.critical, 0))
    if not guard.patterns and only_patterns(conditions):
        said.append(Objection("patterns"))
    # What could not be counted must not pass for little.
    if not found.whole and not said and (guard.broadest is not None or not guard.critical):
        said.append(Objection("unknown", found.in_all))
    return said


def only_patterns(conditions: Iterable[matchers.Matcher]) -> bool:
    """Whether no condition names a value that an alert must have."""
    return not any(each.op == "=" and each.value for each in conditions)
