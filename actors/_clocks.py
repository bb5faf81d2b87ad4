"""What a look at the clocks of service levels finds: their rows, and what is to be said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from actors import _runtime
from schemas.parts import say_duration
from tocsin import i18n
from tocsin.domain import service_levels as domain
from tocsin.domain.policy import Policy
from tocsin.storage import service_levels
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

Row = dict[str, Any]

#: An alert about what was over when it was found must be told before it ends.
ENDED = timedelta(minutes=1)


@dataclass(slots=True)
class Found:
    """To be written: clocks, those that are gone, lines of stories, alerts, when to look again."""

    rows: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    story: list[Row] = field(default_factory=list)
    alerts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    again: dict[IncidentKey, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One incident with what was known of its clocks."""

    row: Row
    incident: domain.Incident
    before: Mapping[str, Row]
    policy: Policy
    version: int
    now: datetime

    @property
    def key(self) -> IncidentKey:
        return self.row["tenant"], self.row["id"]


def look(
    tx: Transaction, locked: Mapping[IncidentKey, Row], tenants: Mapping[int, _runtime.Tenant]
) -> Found:
    """Count the clocks of locked incidents, for tenants whose policy promises something."""
    found = Found()
    for case in _cases(tx, locked, tenants):
        target = _target(case)
        times = []
        for clock in domain.CLOCKS:
            state = domain.state(target, clock, case.incident, case.now) if target else None
            if target is None or state is None:
                _withdraw(found, case, clock)
                continue
            fires = _write(found, case, target, state)
            times.append(state.next_at(case.now))
            if fires and state.stopped_at is not None:
                times.append(case.now + ENDED)
        if due := [at for at in times if at is not None]:
            found.again[case.key] = min(due)
    return found


def _cases(
    tx: Transaction, locked: Mapping[IncidentKey, Row], tenants: Mapping[int, _runtime.Tenant]
) -> list[Case]:
    before: dict[IncidentKey, dict[str, Row]] = defaultdict(dict)
    for row in service_levels.of(tx, list(locked)):
        before[row["tenant"], row["incident_id"]][row["clock"]] = row
    wanted = {}
    for key in locked:
        policy = tenants[key[0]].policy
        if policy is not None and (policy.service_levels or key in before):
            wanted[key] = policy
    stories: dict[IncidentKey, list[domain.Act]] = defaultdict(list)
    for row in service_levels.stories(tx, list(wanted)) if wanted else ():
        stories[row["tenant"], row["incident_id"]].append(domain.Act(row["at"], row["kind"]))
    scenes: dict[IncidentKey, list[Row]] = defaultdict(list)
    labels = [(*key, policy.services.label) for key, policy in wanted.items()]
    for row in service_levels.scenes(tx, labels) if labels else ():
        scenes[row["tenant"], row["incident_id"]].append(row)
    return [
        Case(
            locked[key],
            _incident(locked[key], stories[key], scenes[key], before[key], policy),
            before[key], policy, tenants[key[0]].version or 0, tx.now,
        )
        for key, policy in wanted.items()
    ]  # fmt: skip


def _incident(
    row: Row, acts: list[domain.Act], scenes: list[Row], before: Mapping[str, Row], policy: Policy
) -> domain.Incident:
    labels = [orjson.loads(scene["labels"]) for scene in scenes]
    # A group forgets alerts that are over; what they were about does not change.
    services = {name for scene in scenes for name in scene["services"]}
    services |= {each[policy.services.label] for each in labels if policy.services.label in each}
    services |= {name for clock in before.values() for name in clock["services"]}
    return domain.Incident(
        severity=row["severity"],
        state=row["state"],
        opened_at=row["opened_at"],
        acknowledged_at=row["acknowledged_at"],
        resolved_at=row["resolved_at"],
        services=frozenset(services),
        receivers=frozenset(scene["receiver"] for scene in scenes),
        acts=tuple(acts),
        alertnames=frozenset(each.get("alertname", "") for each in labels),
    )


def _target(case: Case) -> domain.Target | None:
    """What is promised; of what is over that does not change any more."""
    levels = case.policy.service_levels
    if case.incident.state == "resolved" and case.before:
        known = {row["target"] for row in case.before.values()}
        if target := next((each for each in levels if each.name in known), None):
            return target
    return domain.choose(levels, case.incident)


def _withdraw(found: Found, case: Case, clock: domain.Clock) -> None:
    """Nothing is promised any more: what was missed stays, the rest is forgotten."""
    row = case.before.get(clock)
    if row is None:
        return
    if row["breached_at"] is None:
        found.gone.append(row)
    else:
        over = row["stopped_at"] or case.now
        found.rows.append({**row, "due_at": None, "stopped_at": over, "told": None})
    if row["told"]:
        found.alerts.append((row["tenant"], _over(row["told"])))


def _write(found: Found, case: Case, target: domain.Target, state: domain.State) -> bool:
    """Note the clock, and what is to be said of it; True where an alert about it fires."""
    old = case.before.get(state.clock)
    missed = state.breaches > (old["breaches"] if old else 0)
    warned_at = old["warned_at"] if old else None
    warns = (
        not missed and not state.missed_now and state.stopped_at is None
        and state.warn_at is not None and state.warn_at <= case.now
        and (warned_at is None or warned_at < state.round_at)
    )  # fmt: skip
    told = old["told"] if old else None
    if missed or warns:
        kind = "level_breached" if missed else "level_warned"
        found.story.append(_line(case, target, state, kind))
        told = _tell(found, case, target, state, told, missed=missed)
    elif told and state.stopped_at is not None:
        found.alerts.append((case.row["tenant"], _over(told)))
        told = None
    found.rows.append({
        "tenant": case.row["tenant"], "incident_id": case.row["id"], "clock": state.clock,
        "target": target.name, "services": sorted(case.incident.services),
        "policy_version": case.version, "started_at": state.started_at, "due_at": state.due_at,
        "stopped_at": state.stopped_at,
        # Another policy, or another severity, does not unsay what was said.
        "breached_at": state.breached_at or (old["breached_at"] if old else None),
        "breaches": max(state.breaches, old["breaches"] if old else 0),
        "warned_at": case.now if warns else warned_at, "told": told,
    })  # fmt: skip
    return told is not None


def _line(case: Case, target: domain.Target, state: domain.State, kind: str) -> Row:
    detail = {
        "level": target.name, "clock": state.clock, "within": _within(target, state),
        "due_at": state.due_at or state.breached_at,
    }  # fmt: skip
    return {"tenant": case.row["tenant"], "incident_id": case.row["id"], "kind": kind,
            "actor": "tocsin", "detail": orjson.dumps(detail).decode()}  # fmt: skip


def _tell(
    found: Found, case: Case, target: domain.Target, state: domain.State, told: str | None, *,
    missed: bool,
) -> str | None:  # fmt: skip
    """Raise the alert about it in place of an earlier one; returns what fires now."""
    tenant = case.row["tenant"]
    if told:
        found.alerts.append((tenant, _over(told)))
    if target.notify is None:
        return None
    alert = _alert(case, target, state, missed=missed)
    found.alerts.append((tenant, {**alert, "status": "firing"}))
    return orjson.dumps(alert).decode()


def _alert(
    case: Case, target: domain.Target, state: domain.State, *, missed: bool
) -> dict[str, Any]:  # fmt: skip
    name = domain.BREACHED if missed else domain.AT_RISK
    severity = case.incident.severity if missed else "warning"
    labels = {
        "alertname": name, "severity": severity, "service_level": target.name,
        "clock": state.clock, "incident": str(case.row["id"]), "job": "tocsin",
        domain.RECEIVER: target.notify or "",
    }  # fmt: skip
    values = {"level": target.name, "within": _within(target, state), "title": case.row["title"]}
    key = "missed" if missed else "risk"
    summary = i18n.say(f"level.{key}_{state.clock}", case.policy.locale, **values)
    return {"labels": labels, "annotations": {"summary": summary}, "source": "tocsin"}


def _over(told: str) -> dict[str, Any]:
    return {**orjson.loads(told), "status": "resolved"}


def _within(target: domain.Target, state: domain.State) -> str:
    return say_duration(target.within[state.clock])
