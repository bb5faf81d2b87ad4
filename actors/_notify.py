"""Writing what the flush decided: incidents, notifications, deliveries, explanations, timers."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

import channels
from actors import _groups, _messages, _runtime
from tocsin import ids
from tocsin.domain import flushing, severity, telling
from tocsin.domain.policy import Integration
from tocsin.storage import deliveries, events, groups, incidents, timelines, timers
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies
from workers import queues

UPDATES_IN_PLACE = frozenset(
    name for name, module in channels.REGISTRY.items() if module.CAPABILITIES.update_in_place
)
_JOINED = {"opened": "opened", "reopened": "reopened"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A group that was due, and what is to be done about it."""

    sheet: _groups.Sheet
    group: flushing.Group
    plan: flushing.Plan


def fresh_incident(sheet: _groups.Sheet, now: datetime) -> flushing.Incident:
    """The incident to open if the decision needs one."""
    views = [_messages.view(row) for row in sheet.members if row["status"] == "firing"]
    return flushing.Incident(
        id=ids.new(now),
        title=telling.title(orjson.loads(sheet.row["labels"]), views),
        severity=severity.worst(view.severity for view in views),
        state="open",
        generation=0,
        opened_at=now,
    )


def write(
    here: _runtime.Runtime, tx: Transaction, decided: Sequence[Decided]
) -> set[tuple[str, str]]:
    """Write all plans, tables in the one order; returns whom to ring after the commit."""
    tallies = Tallies()
    _members(tx, decided)
    _incidents(tx, decided, tallies)
    rings = _deliveries(here, tx, decided)
    _explain(tx, decided, tallies)
    _timers(tx, decided)
    tallies.write(tx)
    return rings


def _members(tx: Transaction, decided: Iterable[Decided]) -> None:
    marks, leaving, rows = [], [], []
    for d in decided:
        key = {"tenant": d.sheet.tenant.id, "group_id": d.group.id}
        gone = {m.fingerprint for m in d.plan.resolved}
        for member in d.group.members:
            by = d.plan.muted.get(member.fingerprint)
            if member.fingerprint in gone:
                leaving.append({**key, "fingerprint": member.fingerprint})
            elif by or member.muted or member.event is not None:
                muted = list(by) if by else None
                mark = {"fingerprint": member.fingerprint, "muted_by": muted, "explained": not by}
                marks.append({**key, **mark})
        stays = len(d.group.members) > len(gone)
        rows.append({**d.sheet.row, "active": stays, "anchor": d.plan.anchor if stays else None})
    groups.update(tx, rows)
    groups.mark(tx, marks)
    groups.leave(tx, leaving)


def _incidents(tx: Transaction, decided: Iterable[Decided], tallies: Tallies) -> None:
    rows, told = [], []
    for d in decided:
        incident, tenant = d.plan.incident, d.sheet.tenant.id
        if incident is None:
            continue
        if incident != d.group.incident:
            rows.append(_incident_row(tenant, d.group, incident))
        if d.plan.act:
            told.append(_entry(tenant, incident, d.plan.act, {"alerts": len(d.plan.firing)}))
        if d.plan.act in _JOINED:
            tallies.add(tenant, "correlations_processed_total", _JOINED[d.plan.act])
        elif "new_alerts" in d.plan.reasons.values():
            tallies.add(tenant, "correlations_processed_total", "joined")
        if d.plan.reasons:
            told.append(_entry(tenant, incident, "notified", {"reasons": d.plan.reasons}))
    incidents.write(tx, rows)
    timelines.tell(tx, told)


def _incident_row(
    tenant: int, group: flushing.Group, incident: flushing.Incident
) -> dict[str, Any]:
    return {
        "tenant": tenant, "id": incident.id, "group_id": group.id, "title": incident.title,
        "severity": incident.severity, "state": incident.state,
        "generation": incident.generation, "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by, "resolved_at": incident.resolved_at,
        "resolved_by": incident.resolved_by,
    }  # fmt: skip


def _entry(
    tenant: int, incident: flushing.Incident, kind: str, detail: dict[str, Any]
) -> dict[str, Any]:
    return {"tenant": tenant, "incident_id": incident.id, "kind": kind, "actor": "tocsin",
            "detail": orjson.dumps(detail).decode()}  # fmt: skip


def _deliveries(
    here: _runtime.Runtime, tx: Transaction, decided: Iterable[Decided]
) -> set[tuple[str, str]]:
    notifications, planned, log, rings = [], [], [], set()
    for d in decided:
        log += _log(d)
        if not d.plan.reasons or d.plan.incident is None:
            continue
        # One notification a reason: what integrations are told may differ.
        for reason in sorted(set(d.plan.reasons.values())):
            id = ids.new(tx.now)
            notifications.append(_notification(here, tx, d, reason, id))
            for integration in d.group.receiver.integrations:
                if d.plan.reasons.get(integration.key) == reason:
                    row = _delivery(d, integration, reason, id, tx.now)
                    planned.append(row)
                    rings.add((queues.deliver(integration.channel), row["queue"]))
    deliveries.plan(tx, notifications, planned, log)
    return rings


def _notification(
    here: _runtime.Runtime, tx: Transaction, d: Decided, reason: str, id: Any
) -> dict[str, Any]:
    tenant, incident = d.sheet.tenant, d.plan.incident
    assert incident is not None
    body = (
        _messages.message(d.sheet, d.plan, reason, tx.now, here.settings.public_url)
        .model_dump_json()
        .encode()
    )
    carried = set(d.plan.told) if reason != "acknowledged" else set()
    times = [row["event_at"] for row in d.sheet.members if row["event_id"] in carried]
    return {
        "tenant": tenant.id, "id": id, "group_id": d.group.id, "incident_id": incident.id,
        "reason": reason, "message": base64.b64encode(here.seal(tx, tenant.id, body)).decode(),
        "events": sorted(carried), "events_since": min(times, default=tx.now),
        "policy_version": tenant.version,
    }  # fmt: skip


def _delivery(
    d: Decided, integration: Integration, reason: str, notification: Any, now: datetime
) -> dict[str, Any]:
    incident = d.plan.incident
    assert incident is not None
    wakes = incident.severity == "critical" and reason in flushing.PAGING
    return {
        "tenant": d.sheet.tenant.id, "id": ids.new(now), "notification_id": notification,
        "group_id": d.group.id, "incident_id": incident.id, "generation": incident.generation,
        "integration": integration.key, "channel": integration.channel,
        "destination": channels.REGISTRY[integration.channel].destination(integration.settings),
        "queue": queues.PAGE if wakes else queues.NOTIFY,
    }  # fmt: skip


def _log(d: Decided) -> list[dict[str, Any]]:
    rows = []
    for key, told in d.plan.log.items():
        before = d.sheet.log.get(key)
        incident = d.plan.incident.id if d.plan.incident else before and before["incident_id"]
        same = before is not None and before["incident_id"] == incident
        rows.append({
            "tenant": d.sheet.tenant.id, "group_id": d.group.id, "integration": key,
            "incident_id": incident, "firing": sorted(told.firing),
            "resolved": sorted(told.resolved), "reason": d.plan.reasons.get(key, "silent"),
            "ref": before["ref"] if before and same else None,
        })  # fmt: skip
    return rows


def _explain(tx: Transaction, decided: Iterable[Decided], tallies: Tallies) -> None:
    rows, oldest = [], tx.now
    for d in decided:
        since = {row["event_id"]: row["event_at"] for row in d.sheet.members}
        muted_before = {m.event for m in d.group.members if m.muted}
        for event, outcome, cause in d.plan.outcomes:
            rows.append({"tenant": d.sheet.tenant.id, "id": event, "outcome": outcome,
                         "cause": cause})  # fmt: skip
            oldest = min(oldest, since[event])
            if outcome == "silenced" and event not in muted_before:
                tallies.add(d.sheet.tenant.id, "suppressions_processed_total", outcome)
    if rows:
        events.settle(tx, rows, oldest)


def _timers(tx: Transaction, decided: Iterable[Decided]) -> None:
    due, over = [], []
    for d in decided:
        item = {"tenant": d.sheet.tenant.id, "subject": d.group.id}
        if d.plan.due_at is None:
            over.append(item)
        else:
            due.append({**item, "due_at": d.plan.due_at})
    timers.exactly(tx, "flush", due)
    timers.drop(tx, "flush", over)
