"""A tenant's policy as the rest of Tocsin thinks with it: checked, with all defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from schemas import mapping
from schemas.escalation import Escalation
from schemas.holidays import Holidays
from schemas.people import Person, Team
from schemas.scoring import Scoring
from schemas.storms import Storms
from tocsin.domain import (
    breadth,
    correlation,
    freshness,
    heartbeats,
    inhibition,
    oncall,
    reporting,
    routing,
    service_levels,
    service_map,
    templates,
)
from tocsin.domain import enrichment as enriching
from tocsin.domain.rules import Rules


@dataclass(frozen=True, slots=True)
class Integration:
    """One way in which a receiver is told; `key` is "receiver/channel/index" and stays stable."""

    key: str
    channel: str
    #: The channel's own Settings; the domain knows no channel.
    settings: Any
    send_resolved: bool = True


@dataclass(frozen=True, slots=True)
class Receiver:
    """A name in the routing tree and everything that is told when alerts come there."""

    name: str
    integrations: tuple[Integration, ...] = ()
    locale: str | None = None
    #: The escalation that its incidents begin.
    escalation: str | None = None
    #: The receiver that is told where a channel of this one cannot deliver.
    fallback: str | None = None


def contact_key(person: str, channel: str) -> str:
    """The key of a way to tell a person; no receiver's, whose keys have two slashes."""
    return f"@{person}/{channel}"


def contact_person(key: str) -> str | None:
    """Whose way a key is, by name; None: it is one of a receiver's."""
    return key[1:].partition("/")[0] if key.startswith("@") else None


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it; an incident reopens if its alerts come back within `reopen_window`."""

    root: routing.Route
    receivers: Mapping[str, Receiver]
    enrichment: tuple[enriching.Lookup, ...] = ()
    steps: tuple[enriching.Step, ...] = ()
    reopen_window: timedelta = timedelta(minutes=5)
    #: So long after its last post an alert is over whose sender named no end; None: the setting's.
    resolve_timeout: timedelta | None = None
    #: An acknowledged incident that is not resolved so long after is opened again; None: never.
    ack_timeout: timedelta | None = None
    people: tuple[Person, ...] = ()
    #: How each person can be told, by `contact_key`.
    contacts: Mapping[str, Integration] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    holidays: Mapping[str, Holidays] = field(default_factory=dict)
    schedules: Mapping[str, oncall.Schedule] = field(default_factory=dict)
    escalations: Mapping[str, Escalation] = field(default_factory=dict)
    service_levels: tuple[service_levels.Target, ...] = ()
    reports: tuple[reporting.Report, ...] = ()
    heartbeats: tuple[heartbeats.Heartbeat, ...] = ()
    freshness: tuple[freshness.Freshness, ...] = ()
    silences: breadth.Guard = breadth.DEFAULT
    correlate: tuple[correlation.Rule, ...] = ()
    services: service_map.ServiceMap = field(default_factory=service_map.ServiceMap)
    rules: Rules = field(default_factory=Rules)
    inhibit_rules: tuple[inhibition.Rule, ...] = ()
    templates: tuple[templates.Template, ...] = ()
    locale: str = "en"
    #: What is read of senders; the ingest has its own compiled form of these.
    sources: tuple[mapping.MappedSource, ...] = ()
    cloudwatch: mapping.CloudWatch = field(default_factory=mapping.CloudWatch)
    scoring: Scoring = field(default_factory=Scoring)
    storms: Storms = field(default_factory=Storms)
    _router: routing.Router = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_router", routing.Router(self.root))

    def routes(self, labels: Mapping[str, str]) -> tuple[routing.Route, ...]:
        """The nodes that take an alert with these labels: `routing.match`, remembered."""
        return self._router.match(labels)

    def person(self, name: str) -> Person | None:
        """The person of this name."""
        return next((each for each in self.people if each.name == name), None)

    def integration(self, key: str) -> Integration | None:
        """One way of telling: of a receiver, or of a person, who may be told by it repeatedly."""
        if key in self.contacts:
            return self.contacts[key]
        for receiver in self.receivers.values():
            for one in receiver.integrations:
                if one.key == key:
                    return one
        way, _, times = key.rpartition("/")
        first = self.contacts.get(way) if times.isdecimal() else None
        return replace(first, key=key) if first else None

    def locale_for(self, receiver: str) -> str:
        """The languages of messages to this receiver, the best first, as i18n takes them."""
        known = self.receivers.get(receiver)
        return self.languages(known.locale if known else None)

    def languages(self, own: str | None) -> str:
        """The languages for a reader with this one, or none of their own, the best first."""
        if own is None or own == self.locale:
            return self.locale
        # English is the last resort of every language.
        return own if self.locale == "en" else f"{own},{self.locale}"
