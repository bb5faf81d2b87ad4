"""What the rules of a document would make of one alert, without anybody being told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.domain import change, heartbeats, judging, routing, rules, windows
from tocsin.domain.change import Change
from tocsin.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule that the alert meets: whether its condition holds (None: it failed), and what then.

    ``over_time`` names the window that decides besides; empty: the condition alone does.
    """

    rule: str
    holds: bool | None
    over_time: str
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The rules that were asked of all there are, and the alert as it would leave them."""

    rules: int
    asked: tuple[Asked, ...]
    labels: dict[str, str]
    severity: str
    dropped: str | None
    receivers: tuple[str, ...]


def rehearse(policy: Policy, alert: Change, now: datetime) -> Rehearsal:
    """Judge the alert by what can be known now; windows are told of, not waited for."""
    failed: set[str] = set()
    met = judging.of_change(policy.rules, alert, now, lambda rule, _: failed.add(rule.id))
    memory: judging.Memory = {}
    judging.feed(met, memory, now, lambda rule, _: failed.add(rule.id), only_count=False)
    judging.settle(memory, now)
    said = judging.judged(met, memory)
    labels = change.effective(alert.labels, alert.added, said.ruled)
    beats = heartbeats.pinged_by(policy.heartbeats, alert.labels)
    dropped = heartbeats.explained(beats[0]) if beats else said.drop
    routes = [] if dropped else routing.match(policy.root, labels)
    return Rehearsal(
        rules=len(policy.rules.rules),
        asked=tuple(_asked(rule, met, failed) for rule in met.candidates),
        labels=labels,
        severity=said.severity,
        dropped=dropped,
        receivers=tuple(route.receiver for route in routes if route.receiver),
    )


def _asked(rule: rules.Rule, met: judging.Met, failed: set[str]) -> Asked:
    effects = [f"{name}={value}" for name, value in rule.effects.labels.items()]
    if rule.effects.drop is not None:
        effects.append(f"drop: {rule.effects.drop}")
    if rule.effects.raises is not None:
        effects.append(f"raise {rule.effects.raises.alertname}")
    holds = None if rule.id in failed else _holds(rule, met)
    return Asked(rule.name, holds, _over_time(rule.window), tuple(effects))


def _holds(rule: rules.Rule, met: judging.Met) -> bool:
    return met.holds.get(rule.id, False) or met.follows.get(rule.id, False)


def _over_time(window: windows.Window) -> str:
    match window:
        case windows.Holds(span=0):
            return ""
        case windows.Holds(span=span):
            return f"for {_seconds(span)}"
        case windows.Counted(at_least=at_least, span=span):
            return f"{at_least} within {_seconds(span)}"
        case windows.Absent(span=span):
            return f"absent for {_seconds(span)}"
        case windows.Followed(span=span):
            return f"followed within {_seconds(span)}"


def _seconds(span: int) -> str:
    return f"{span / 1_000_000:g}s"
