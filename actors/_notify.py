"""Writing what the flush decided: incidents, notifications, deliveries, explanations, timers."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

import channels
from actors import (
    _escalations,
    _folding,
    _groups,
    _incidents,
    _messages,
    _runtime,
    _storms,
    _story,
)
from tocsin import ids
from tocsin.domain import escalation, flushing, severity, telling
from tocsin.domain.policy import Integration
from tocsin.storage import deliveries, events, groups, incidents, lulls, timers
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies
from workers import queues

UPDATES_IN_PLACE = frozenset(
    name for name, module in channels.REGISTRY.items() if module.CAPABILITIES.update_in_place
)
SUPPRESSED = frozenset({"silenced", "inhibited", "muted", "folded"})
Row = dict[str, Any]


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
    here: _runtime.Runtime,
    tx: Transaction,
    decided: Sequence[_story.Decided],
    desk: _incidents.Desk,
) -> set[tuple[str, str]]:
    """Write all plans, tables in the one order; returns whom to ring after the commit."""
    tallies = Tallies()
    _members(tx, decided)
    lulls.hold(tx, _held(decided))
    incidents.write(tx, [_incidents.row(of, scene) for (of, _), scene in desk.changed.items()])
    _story.joins(tx, decided, desk)
    _story.tell(tx, decided, tallies)
    rings = _deliveries(here, tx, decided) | _escalations.after_flush(here, tx, decided)
    _explain(tx, decided, tallies)
    rings |= _storms.after_flush(here, tx, decided, desk.weather)
    if _timers(tx, decided):
        rings.add(("flush", here.queues["flush"]))
    tallies.write(tx)
    return rings


def _members(tx: Transaction, decided: Iterable[_story.Decided]) -> None:
    marks, leaving, rows = [], [], []
    for d in decided:
        key = {"tenant": d.sheet.tenant.id, "group_id": d.group.id}
        gone = {m.fingerprint for m in d.plan.leaving}
        for member in d.group.members:
            mine = member.fingerprint
            by = d.plan.muted.get(mine) or d.plan.waiting.get(mine)
            if member.fingerprint in gone:
                leaving.append({**key, "fingerprint": member.fingerprint})
            elif by or member.muted or member.event is not None:
                muted = list(by) if by else None
                mark = {"fingerprint": member.fingerprint, "muted_by": muted, "explained": not by}
                marks.append({**key, **mark})
        stays = len(d.group.members) > len(gone) + len(d.plan.waiting)
        rows.append({**d.sheet.row, "active": stays, "anchor": d.plan.anchor if stays else None})
    groups.update(tx, rows)
    groups.mark(tx, marks)
    groups.leave(tx, leaving)


def _held(decided: Iterable[_story.Decided]) -> list[dict[str, Any]]:
    """What silences hold back that are to end with it."""
    return [
        {"tenant": d.sheet.tenant.id, "silence": id, "fingerprint": fingerprint}
        for d in decided
        for fingerprint, by in d.plan.muted.items()
        for id in d.passing.intersection(by)
    ]


def _deliveries(
    here: _runtime.Runtime, tx: Transaction, decided: Sequence[_story.Decided]
) -> set[tuple[str, str]]:
    notifications, planned, log, rings = [], [], [], set()
    siblings = _siblings(tx, decided)
    for d in decided:
        log += _log(d)
        if not d.plan.reasons or d.plan.incident is None:
            continue
        # One notification a reason, for what integrations are told may differ; and where several
        # groups share a message, one more that shows them all.
        for (reason, whole, ends), told in _told(d).items():
            id = ids.new(tx.now)
            others = _others(d, siblings) if whole else []
            notifications.append(_notification(here, tx, d, reason, id, others, ends=ends))
            for integration in told:
                row = _delivery(d, integration, reason, id, tx.now)
                planned.append(row)
                rings.add((queues.deliver(integration.channel), row["queue"]))
    last, folded = _folding.fold(notifications, planned)
    deliveries.plan(tx, notifications, last, log)
    deliveries.fold(tx, folded)
    return rings


def _others(d: _story.Decided, siblings: Mapping[tuple[int, uuid.UUID], list[Row]]) -> list[Row]:
    """The alerts of the other groups of the incident with this receiver."""
    assert d.scene is not None
    parts, me = d.scene.parts, d.group.id
    rows = siblings.get((d.sheet.tenant.id, d.scene.incident.id), [])
    return [row for row in rows if row["group_id"] != me
            and parts[row["group_id"]].receiver == d.sheet.row["receiver"]]  # fmt: skip


def _told(d: _story.Decided) -> dict[tuple[str, bool, bool], list[Integration]]:
    """The integrations by what they are told: why, of the whole incident, also of what is over."""
    shared = d.scene is not None and not d.scene.storm and len(d.scene.parts) > 1
    found: dict[tuple[str, bool, bool], list[Integration]] = {}
    for integration in d.group.receiver.integrations:
        reason = d.plan.reasons.get(integration.key)
        if reason and integration.channel != escalation.CHANNEL:
            whole = shared and integration.channel in UPDATES_IN_PLACE
            ends = integration.send_resolved or not d.plan.firing
            found.setdefault((reason, whole, ends), []).append(integration)
    return dict(sorted(found.items(), key=lambda item: item[0]))


def _siblings(
    tx: Transaction, decided: Iterable[_story.Decided]
) -> dict[tuple[int, uuid.UUID], list[Row]]:
    """By incident the alerts, not muted, of its groups with the receivers that are told of it."""
    of: dict[groups.GroupKey, uuid.UUID] = {}
    for d in decided:
        if d.scene is not None and any(whole for _, whole, _ in _told(d)):
            for id, part in d.scene.parts.items():
                if part.receiver == d.sheet.row["receiver"]:
                    of[d.sheet.tenant.id, id] = d.scene.incident.id
    found: dict[tuple[int, uuid.UUID], list[Row]] = {}
    for row in groups.with_alerts(tx, list(of)) if of else ():
        if row["muted_by"] is None:
            incident = of[row["tenant"], row["group_id"]]
            found.setdefault((row["tenant"], incident), []).append(row)
    return found


def _notification(
    here: _runtime.Runtime,
    tx: Transaction,
    d: _story.Decided,
    reason: str,
    id: Any,
    others: list[Row],
    *,
    ends: bool,
) -> dict[str, Any]:
    tenant, incident = d.sheet.tenant, d.plan.incident
    assert incident is not None
    composed = _messages.message(
        d.sheet, d.plan, reason, tx.now, here.settings.public_url, others=others, ends=ends
    )
    body = composed.model_dump_json().encode()
    carried = set(d.plan.told) if reason != "acknowledged" else set()
    times = [row["event_at"] for row in d.sheet.members if row["event_id"] in carried]
    return {
        "tenant": tenant.id, "id": id, "group_id": d.group.id, "incident_id": incident.id,
        "reason": reason, "message": base64.b64encode(here.seal(tx, tenant.id, body)).decode(),
        "events": sorted(carried), "events_since": min(times, default=tx.now),
        "policy_version": tenant.version,
    }  # fmt: skip


def _delivery(
    d: _story.Decided, integration: Integration, reason: str, notification: Any, now: datetime
) -> dict[str, Any]:
    incident = d.plan.incident
    assert incident is not None
    wakes = incident.severity == "critical" and reason in flushing.PAGING
    # The groups of one incident change one message: they stand in one line, in order.
    shared = d.scene is not None and integration.channel in UPDATES_IN_PLACE
    line = d.scene.line(integration.key, d.group.id) if shared and d.scene else d.group.id
    return {
        "tenant": d.sheet.tenant.id, "id": ids.new(now), "notification_id": notification,
        "group_id": line, "incident_id": incident.id, "generation": incident.generation,
        "integration": integration.key, "channel": integration.channel,
        "destination": channels.REGISTRY[integration.channel].destination(integration.settings),
        "queue": queues.PAGE if wakes else queues.NOTIFY,
    }  # fmt: skip


def _log(d: _story.Decided) -> list[dict[str, Any]]:
    rows = []
    for key, told in d.plan.log.items():
        before = d.sheet.log.get(key)
        incident = d.plan.incident.id if d.plan.incident else before and before["incident_id"]
        same = before if before is not None and before["incident_id"] == incident else None
        paged = d.plan.reasons.get(key) in flushing.PAGING and d.plan.incident is not None
        heard = d.plan.incident.severity if paged and d.plan.incident else None
        rows.append({
            "tenant": d.sheet.tenant.id, "group_id": d.group.id, "integration": key,
            "incident_id": incident, "firing": sorted(told.firing),
            "resolved": sorted(told.resolved), "held": sorted(told.held),
            "reason": d.plan.reasons.get(key, "silent"),
            "ref": same["ref"] if same else None,
            "severity": heard or (same["severity"] if same else None),
            "carried": key in d.plan.carried,
        })  # fmt: skip
    return rows


def _explain(tx: Transaction, decided: Iterable[_story.Decided], tallies: Tallies) -> None:
    rows, oldest = [], tx.now
    for d in decided:
        since = {row["event_id"]: row["event_at"] for row in d.sheet.members}
        muted_before = {m.event for m in d.group.members if m.muted}
        for event, outcome, cause in d.plan.outcomes:
            rows.append({"tenant": d.sheet.tenant.id, "id": event, "outcome": outcome,
                         "cause": cause})  # fmt: skip
            oldest = min(oldest, since[event])
            if outcome in SUPPRESSED and event not in muted_before:
                tallies.add(d.sheet.tenant.id, "suppressions_processed_total", outcome)
    if rows:
        events.settle(tx, rows, oldest)


def _timers(tx: Transaction, decided: Iterable[_story.Decided]) -> bool:
    """Set all; True where groups are to show at once that their incident is over."""
    due, over, show = [], [], []
    for d in decided:
        item = {"tenant": d.sheet.tenant.id, "subject": d.group.id}
        if d.plan.due_at is None:
            over.append(item)
        else:
            due.append({**item, "due_at": d.plan.due_at})
        if d.plan.act == "resolved" and d.scene is not None:
            others = [id for id in d.scene.parts if id != d.group.id]
            show += [{**item, "subject": id, "due_at": tx.now} for id in others]
    timers.exactly(tx, "flush", due)
    timers.drop(tx, "flush", over)
    timers.earlier(tx, "flush", show)
    return bool(show)
