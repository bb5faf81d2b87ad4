"""What a flush means for escalations: they begin, gain news, stop, and say that it is over."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Sequence, Set
from typing import Any

import orjson

import channels
from actors import _folding, _messages, _runtime, _story
from schemas.message import Message
from tocsin import i18n, ids
from tocsin.domain import escalation, flushing
from tocsin.domain.policy import Integration
from tocsin.storage import deliveries, escalations, groups, timelines
from tocsin.storage.record import Transaction
from workers import queues

Row = dict[str, Any]
Ring = tuple[str, str]

IN_PLACE = frozenset(
    name for name, module in channels.REGISTRY.items() if module.CAPABILITIES.update_in_place
)


def after_flush(
    here: _runtime.Runtime, tx: Transaction, decided: Sequence[_story.Decided]
) -> set[Ring]:
    """Let the escalations of the decided groups follow; returns whom to ring after the commit."""
    known = _known(tx, decided)
    rings = _close(here, tx, decided, known)
    wanted = [
        (d, each)
        for d in decided
        for each in d.group.receiver.integrations
        if each.channel == escalation.CHANNEL and each.key in d.plan.reasons and d.plan.incident
    ]
    changed: dict[tuple[int, uuid.UUID, str], Row] = {}
    told: list[Row] = []
    for d, integration in wanted:
        assert d.plan.incident is not None
        key = (d.sheet.tenant.id, d.plan.incident.id, integration.settings)
        row, entry = _follow(tx, d, integration, changed.get(key) or known.get(key))
        if row is not None:
            changed[key] = row
        if entry is not None:
            told.append(entry)
            rings.add(("escalate", here.queues["escalate"]))
    escalations.write(tx, list(changed.values()))
    timelines.tell(tx, told)
    return rings


def _known(
    tx: Transaction, decided: Iterable[_story.Decided]
) -> dict[tuple[int, uuid.UUID, str], Row]:
    keys = [(d.sheet.tenant.id, d.plan.incident.id) for d in decided if d.plan.incident]
    found = escalations.of(tx, keys)
    return {(row["tenant"], row["incident_id"], row["name"]): row for row in found}


def _follow(
    tx: Transaction, d: _story.Decided, integration: Integration, row: Row | None
) -> tuple[Row | None, Row | None]:
    """The escalation as it is to be stored, and the line of the story if it began."""
    incident, reason = _final(d), d.plan.reasons[integration.key]
    known = escalation.Known(row["state"], row["severity"]) if row else None
    verdict = escalation.begins(reason, incident.state, incident.severity, known)
    if verdict == "begin":
        made = _begun(tx, d, integration, row)
        detail = {"reason": reason, "again": row is not None}
        return made, escalations.entry(made, "escalation_begun", detail)
    if verdict == "ride" and row is not None:
        return _riding(d, row), None
    if d.plan.told:
        ended = {"tenant": d.sheet.tenant.id, "events": d.plan.told, "events_since": _since(tx, d)}
        escalations.settle(tx, [ended], "grouped", str(incident.id))
    return None, None


def _begun(tx: Transaction, d: _story.Decided, integration: Integration, row: Row | None) -> Row:
    incident, policy = _final(d), d.sheet.tenant.policy
    assert policy is not None
    news = {"events": sorted(d.plan.told), "events_since": _since(tx, d)}
    if row is not None and row["state"] == "running":
        news = {name: _riding(d, row)[name] for name in news}
    return {
        "tenant": d.sheet.tenant.id, "incident_id": incident.id, "name": integration.settings,
        "group_id": row["group_id"] if row else d.group.id, "receiver": d.group.receiver.name,
        "chain": escalation.frozen(policy.escalations[integration.settings]),
        "reason": d.plan.reasons[integration.key], "severity": incident.severity,
        "policy_version": d.sheet.tenant.version, "generation": incident.generation,
        "run": row["run"] + 1 if row else 1, "round": 1, "step": 0, "state": "running", "told": 0,
        "due_at": tx.now, "began_at": tx.now, "ended_at": None, "cause": None,
        "alarmed": row["alarmed"] if row else None, "shown": row["shown"] if row else None, **news,
    }  # fmt: skip


def _riding(d: _story.Decided, row: Row) -> Row:
    """The escalation with news that its next step tells of."""
    times = [m["event_at"] for m in d.sheet.members if m["event_id"] in set(d.plan.told)]
    return {
        **row,
        "events": sorted({*row["events"], *d.plan.told}),
        "events_since": min([row["events_since"], *times]),
    }


def _since(tx: Transaction, d: _story.Decided) -> Any:
    carried = set(d.plan.told)
    times = [m["event_at"] for m in d.sheet.members if m["event_id"] in carried]
    return min(times, default=tx.now)


def _close(
    here: _runtime.Runtime,
    tx: Transaction,
    decided: Sequence[_story.Decided],
    known: dict[tuple[int, uuid.UUID, str], Row],
) -> set[Ring]:
    """Stop what runs for incidents that are over, and show those who were paged how it stands."""
    acted = {
        (d.sheet.tenant.id, d.plan.incident.id): d
        for d in decided
        if d.plan.incident is not None and _final(d).state != "open"
    }
    for (tenant, id), d in acted.items():
        if _final(d).state == "resolved":
            if any(key[:2] == (tenant, id) for key in known):
                escalations.stop(tx, {"tenant": tenant, "id": id}, "resolved")
            deliveries.call_off(tx, tenant, id, _final(d).generation, "resolved", escalated=True)
    fresh = {key for key, row in known.items() if key[:2] in acted and _unseen(acted[key[:2]], row)}
    for row in escalations.of(tx, {key[:2] for key in fresh}):
        named = (row["tenant"], row["incident_id"], row["name"])
        known[named] = {**row, "shown": _final(acted[named[:2]]).generation}
    escalations.write(tx, [known[key] for key in sorted(fresh)])
    return _show(here, tx, acted, {key[:2] for key in fresh})


def _unseen(d: _story.Decided, row: Row) -> bool:
    return row["shown"] is None or row["shown"] < _final(d).generation


def _final(d: _story.Decided) -> flushing.Incident:
    """The incident after all of this flush: its groups may have come and gone."""
    assert d.scene is not None
    return d.scene.incident


def _show(
    here: _runtime.Runtime,
    tx: Transaction,
    acted: dict[tuple[int, uuid.UUID], _story.Decided],
    fresh: Set[tuple[int, uuid.UUID]],
) -> set[Ring]:
    """Whoever was paged hears of the end; where a message can be changed, of each act as well.

    `fresh`: incidents whose escalations have not shown how it stands now.
    """
    notifications: dict[tuple[int, uuid.UUID], Row] = {}
    planned: list[Row] = []
    for line in escalations.paged(tx, sorted(acted)):
        key = (line["tenant"], line["incident_id"])
        d = acted[key]
        incident, policy = _final(d), d.sheet.tenant.policy
        way = policy.integration(line["integration"]) if policy else None
        over = incident.state == "resolved"
        # A page of a hand-over carries no facts, and is itself the note of what was shown.
        new = not line["own"] or line["generation"] < incident.generation
        if not (key in fresh if line["facts"] else new):
            continue
        if line["channel"] not in IN_PLACE and not (over and (way is None or way.send_resolved)):
            continue
        if key not in notifications:
            notifications[key] = _end(here, tx, d, incident)
        planned.append({
            **line, "id": ids.new(tx.now), "notification_id": notifications[key]["id"],
            "generation": incident.generation, "queue": queues.NOTIFY,
            "facts": facts_after(line["facts"]),
        })  # fmt: skip
    return plan(tx, list(notifications.values()), planned)


def facts_after(facts: str | None) -> str | None:
    """Nothing comes next any more."""
    if facts is None:
        return None
    after = {**orjson.loads(facts), "next": None, "next_at": None, "held_until": None}
    return orjson.dumps(after).decode()


def _end(
    here: _runtime.Runtime, tx: Transaction, d: _story.Decided, incident: flushing.Incident
) -> Row:
    over = incident.state == "resolved"
    reason = "resolved" if over else "acknowledged"
    assert d.scene is not None
    others = [(d.sheet.tenant.id, id) for id in d.scene.parts if id != d.group.id]
    rows = [row for row in groups.with_alerts(tx, others) if row["muted_by"] is None]
    url = here.settings.public_url
    message = _messages.message(d.sheet, d.plan, reason, tx.now, url, others=rows)
    return notification(here, tx, d.sheet.tenant, d.group.id, message,
                        {"events": sorted(d.plan.told) if over else [],
                         "events_since": _since(tx, d)})  # fmt: skip


def notification(
    here: _runtime.Runtime, tx: Transaction, tenant: _runtime.Tenant, group: uuid.UUID,
    message: Message, carried: Row,
) -> Row:  # fmt: skip
    """A notification as it is stored; `carried`: its events and since when."""
    body = here.seal(tx, tenant.id, message.model_dump_json().encode())
    return {
        "tenant": tenant.id, "id": ids.new(tx.now), "group_id": group,
        "incident_id": uuid.UUID(message.incident_id), "reason": message.reason,
        "message": base64.b64encode(body).decode(), "policy_version": tenant.version or 0,
        "events": carried["events"], "events_since": carried["events_since"],
    }  # fmt: skip


def plan(tx: Transaction, notifications: list[Row], planned: list[Row]) -> set[Ring]:
    """Write deliveries that no group's log knows of; returns whom to ring after the commit."""
    last, folded = _folding.fold(notifications, planned)
    deliveries.plan(tx, notifications, last, [])
    deliveries.fold(tx, folded)
    escalations.threads(tx, last)
    return {(queues.deliver(row["channel"]), row["queue"]) for row in last}


def held(until: Any) -> str:
    """Why a page waits that is held back by quiet hours."""
    return i18n.say("escalation.held", until=f"{until:%Y-%m-%d %H:%M} UTC")
