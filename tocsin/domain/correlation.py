"""Which open incident a group of alerts belongs to, how sure that is, and why.

confidence = evidence x freshness, where

- evidence of n equal labels is 1 - 1/2^n, and of services h hops apart 0.8^(h + 1);
- freshness falls from 1 to 1/2 while the window passes.

The surest join wins; of equals the older incident, then the rule that stands first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tocsin.domain import incidents, matchers, service_map, telling

Kind = Literal["labels", "services", "storm"]
#: Services of one group that count; a group of more is about no service in particular.
MAX_SERVICES = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """Equal `labels`, or services at most `hops` apart. `window` None: the installation's."""

    name: str
    labels: tuple[str, ...] = ()
    hops: int | None = None
    window: timedelta | None = None
    matchers: tuple[matchers.Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules compare of a group: labels that all of it shares, and the services it is about."""

    labels: Mapping[str, str] = field(default_factory=dict)
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident that may take another group; `gained_at`: it opened or last gained one then."""

    incident: uuid.UUID
    state: incidents.State
    opened_at: datetime
    gained_at: datetime
    groups: tuple[Facts, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """A group belongs to this incident; `detail` says in data what makes it so."""

    incident: uuid.UUID
    rule: str
    kind: Kind
    confidence: float
    detail: Mapping[str, Any]


#: How much speaks for a join, and what it is; what weighs that for one rule and group.
Evidence = tuple[float, dict[str, Any]]
Weigh = Callable[[Candidate], Evidence | None]


def facts(
    rules: Iterable[Rule],
    services: service_map.ServiceMap,
    group_labels: Mapping[str, str],
    firing: Sequence[Mapping[str, str]],
) -> Facts:
    """The facts of a group that these rules can ask for; without rules there are none."""
    rules = tuple(rules)
    if not rules:
        return Facts()
    shared = {**telling.common(firing), **group_labels}
    asked = {name for rule in rules for name in rule.labels}
    asked |= {matcher.name for rule in rules for matcher in rule.matchers}
    about: set[str] = set()
    if any(rule.hops is not None for rule in rules):
        about = {labels[services.label] for labels in firing if labels.get(services.label)}
        if services.label in shared:
            about.add(shared[services.label])
    return Facts(
        {name: value for name, value in sorted(shared.items()) if name in asked},
        frozenset(about if len(about) <= MAX_SERVICES else ()),
    )


def join(
    candidates: Iterable[Candidate],
    group: Facts,
    rules: Sequence[Rule],
    now: datetime,
    *,
    window: timedelta,
    services: service_map.ServiceMap,
) -> Join | None:
    """The open incident that the group joins; None: it needs one of its own.

    `window` is for rules that name none. A resolved incident takes nothing.
    """
    best: tuple[tuple[float, datetime, int, int], Join] | None = None
    waiting = [each for each in candidates if each.state != "resolved"]
    for place, rule in enumerate(rules):
        width, weigh = rule.window or window, _weigher(rule, group, services)
        for candidate in waiting if weigh else ():
            gap = max(now - candidate.gained_at, timedelta(0))
            found = weigh(candidate) if weigh and gap < width else None
            if found is None:
                continue
            sure = round(found[0] * (1 - 0.5 * (gap / width)), 3)
            order = (-sure, candidate.opened_at, candidate.incident.int, place)
            if best is None or order < best[0]:
                said = {**found[1], "gap_seconds": round(gap.total_seconds(), 3)}
                kind: Kind = "labels" if rule.hops is None else "services"
                best = (order, Join(candidate.incident, rule.name, kind, sure, said))
    return best[1] if best else None


def _weigher(rule: Rule, group: Facts, services: service_map.ServiceMap) -> Weigh | None:
    """What tells how much speaks for a candidate; None where the rule is not for the group."""
    if not matchers.matches(rule.matchers, group.labels):
        return None
    if rule.hops is None:
        mine = {name: group.labels.get(name, "") for name in rule.labels}
        return _by_labels(rule, mine) if all(mine.values()) else None
    near = _near(rule.hops, group, services)
    return _by_services(rule, near) if near else None


def _by_labels(rule: Rule, mine: Mapping[str, str]) -> Weigh:
    found: Evidence = (1 - 0.5 ** len(mine), {"labels": mine})
    pairs = tuple(mine.items())

    def weigh(candidate: Candidate) -> Evidence | None:
        for other in candidate.groups:
            labels = other.labels
            if all(labels.get(name) == value for name, value in pairs) and (
                matchers.matches(rule.matchers, labels)
            ):
                return found
        return None

    return weigh


def _by_services(rule: Rule, near: Mapping[str, tuple[int, str]]) -> Weigh:
    def weigh(candidate: Candidate) -> Evidence | None:
        reached = [
            (*near[name], name)
            for other in candidate.groups
            for name in other.services & near.keys()
            if matchers.matches(rule.matchers, other.labels)
        ]
        if not reached:
            return None
        hops, service, other_service = min(reached)
        return 0.8 ** (hops + 1), {"service": service, "near": other_service, "hops": hops}

    return weigh


def _near(hops: int, group: Facts, services: service_map.ServiceMap) -> dict[str, tuple[int, str]]:
    """For each service within reach: how many steps away, and from which of the group's own."""
    found: dict[str, tuple[int, str]] = {}
    for mine in sorted(group.services):
        reached = {mine: 0, **service_map.neighbours(services, mine, hops)}
        for name, steps in reached.items():
            found[name] = min(found.get(name, (steps, mine)), (steps, mine))
    return found
