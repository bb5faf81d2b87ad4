"""What happened in a time, as reports think with it: read from the record, nothing reckoned yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """One that opened in the time. `acted`: a person acknowledged, resolved, merged or split it."""

    id: str
    title: str
    severity: str
    state: str
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    acted: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that did not arrive, came late, or still waits although it is late."""

    id: str
    title: str
    destination: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Breach:
    incident: str
    title: str
    level: str
    clock: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Somebody was told by at least one way; `id` is the delivery that arrived first."""

    id: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Alerts:
    """All alerts of one name: how often they fired, and how long those lasted that ended."""

    name: str
    fired: int
    ended: int
    seconds: float
    median: float | None
    acted: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """`zones` are those in which people live, `told` the deliveries that arrived in the end."""

    incidents: tuple[Incident, ...] = ()
    told: int = 0
    failures: tuple[Failure, ...] = ()
    breaches: tuple[Breach, ...] = ()
    pages: tuple[Page, ...] = ()
    alerts: tuple[Alerts, ...] = ()
    volume: Mapping[date, int] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
