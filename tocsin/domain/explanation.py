"""How each accepted alert ended, and the gates that it passed on the way, as facts.

Sentences for people are made elsewhere from `gate`, `verdict` and `detail`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from schemas.message import Reason
from tocsin.domain import lifecycle

Outcome = Literal[
    "quarantined",
    "stale",
    "repeat",
    "no_route",
    "dropped",
    "pending",
    "grouped",
    "superseded",
    "folded",
    "held",
    "muted",
    "inhibited",
    "silenced",
    "failed",
    "notified",
]

#: An alert that belongs to several groups takes the strongest of their outcomes.
STRENGTH: dict[Outcome, int] = {
    "quarantined": 0,
    "stale": 1,
    "repeat": 2,
    "no_route": 3,
    "dropped": 4,
    "pending": 5,
    "grouped": 6,
    "superseded": 7,
    "folded": 8,
    "held": 9,
    "muted": 10,
    "inhibited": 11,
    "silenced": 12,
    "failed": 13,
    "notified": 14,
}

Gate = Literal["lifecycle", "route", "group", "silence", "notify"]
Passage = Literal["passed", "stopped", "waiting"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened at one gate: passed, stopped (the reason in `detail`) or not decided yet."""

    gate: Gate
    verdict: Passage
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What became of an alert in one of its groups.

    ``reason`` is why the integrations were told; ``due_at`` when the group speaks next.
    """

    route_id: str
    line: int
    receiver: str | None
    labels: dict[str, str]
    outcome: Outcome
    silences: tuple[str, ...] = ()
    reason: Reason | None = None
    integrations: tuple[str, ...] = ()
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What is stored of one event of one alert; `policy_version` is what routed it."""

    kind: lifecycle.Kind
    starts_at: datetime
    policy_version: int | None = None
    groups: tuple[GroupFacts, ...] = field(default=())


def strongest(outcomes: Iterable[Outcome]) -> Outcome:
    """The one outcome of an event with these in its groups; without a group: no_route."""
    return max(outcomes, key=STRENGTH.__getitem__, default="no_route")


def outcome(facts: AlertFacts) -> Outcome:
    """The one outcome of an event."""
    if facts.kind == "stale":
        return "stale"
    if facts.kind == "repeat":
        return "repeat"
    return strongest(group.outcome for group in facts.groups)


def explain(facts: AlertFacts) -> list[Step]:
    """The gates in the order in which the alert met them, up to those that stopped it."""
    stopped = facts.kind in ("stale", "repeat")
    began = {"kind": facts.kind, "starts_at": facts.starts_at}
    steps = [Step("lifecycle", "stopped" if stopped else "passed", began)]
    if stopped:
        return steps
    if not facts.groups:
        return [*steps, Step("route", "stopped", {"policy_version": facts.policy_version})]
    for group in facts.groups:
        steps += _through(group, facts.policy_version)
    return steps


def _through(group: GroupFacts, policy_version: int | None) -> list[Step]:
    at = {"route": group.route_id, "line": group.line, "policy_version": policy_version}
    if group.receiver is None or group.outcome == "no_route":
        return [Step("route", "stopped", at)]
    steps = [
        Step("route", "passed", {**at, "receiver": group.receiver}),
        _at_group(group),
    ]
    if group.outcome in ("pending", "grouped"):
        return steps
    if group.outcome in ("folded", "held", "muted", "inhibited", "silenced"):
        muted = {"outcome": group.outcome, "silences": group.silences, "until": group.due_at}
        return [*steps, Step("silence", "stopped", muted)]
    told = {
        "outcome": group.outcome,
        "reason": group.reason,
        "integrations": group.integrations,
    }
    passed = group.outcome == "notified"
    return [
        *steps,
        Step("silence", "passed", {}),
        Step("notify", "passed" if passed else "stopped", told),
    ]


def _at_group(group: GroupFacts) -> Step:
    detail = {"labels": group.labels, "due_at": group.due_at}
    if group.outcome == "pending":
        return Step("group", "waiting", detail)
    return Step("group", "stopped" if group.outcome == "grouped" else "passed", detail)
