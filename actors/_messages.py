"""Composing the one message that all channels of a receiver get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from actors import _gaps, _groups, _ran_out
from schemas.message import AlertView, Message
from tocsin import i18n
from tocsin.domain import flushing, telling
from tocsin.i18n import joins, oddities
from tocsin.storage import labels


def message(
    sheet: _groups.Sheet, plan: flushing.Plan, reason: str, now: datetime, public_url: str,
    *, others: Sequence[dict[str, Any]] = (), ends: bool = True,
) -> Message:  # fmt: skip
    """What this group's channels are to say; `others`: alerts of the incident's other groups.

    Without `ends` only what fires is shown: they do not want to hear of what is over.
    """
    group, incident = sheet.group, plan.incident
    assert group is not None
    assert incident is not None
    mine = {m.fingerprint for m in (*plan.firing, *(plan.resolved if ends else ()))}
    rows = [row for row in sheet.members if row["fingerprint"] in mine]
    # An alert may be in several groups; it is shown once.
    known = {row["fingerprint"] for row in sheet.members}
    rows += {row["fingerprint"]: row for row in others if row["fingerprint"] not in known}.values()
    about = About(sheet.tenant.slug, group.receiver.name, sheet.row, incident, public_url)
    every = [*sheet.members, *others]
    return compose(about, reason, _why(group, plan, reason), rows, now, every)


@dataclass(frozen=True, slots=True)
class About:
    """What a message is about, whoever says it; `group` is a row."""

    tenant: str
    receiver: str
    group: dict[str, Any]
    incident: flushing.Incident
    public_url: str


def compose(
    about: About, reason: str, why: str, rows: Sequence[dict[str, Any]], now: datetime,
    every: Sequence[dict[str, Any]] = (),
) -> Message:  # fmt: skip
    """The message that shows these alerts; what `every` of them says alike goes with it."""
    incident = about.incident
    views = [view(row) for row in rows]
    views.sort(key=lambda each: (each.status == "resolved", each.starts_at))
    extra = telling.common([labels.pairs(row["extra"]) for row in every or rows])
    shared = telling.common([each.annotations for each in views])
    base = about.public_url.rstrip("/")
    return Message.model_validate({
        "tenant": about.tenant,
        "receiver": about.receiver,
        "group_key": f"{about.group['route']}:{about.group['labels']}",
        "incident_id": str(incident.id),
        "state": incident.state,
        "reason": reason,
        "title": incident.title,
        "severity": incident.severity,
        "why": why,
        "notes": [
            *_gaps.notes(labels.pairs(row["extra"]) for row in rows if row["status"] == "firing"),
            *_odd(rows),
            *_ran_out.notes(rows),
        ],
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_until": incident.reopens_at if incident.state == "acknowledged" else None,
        "group_labels": orjson.loads(about.group["labels"]),
        "common_labels": telling.common([each.labels for each in views]),
        "common_annotations": shared,
        "runbook": extra.get("runbook") or shared.get("runbook_url"),
        "owner": extra.get("owner"),
        "alerts": views[: telling.MAX_ALERTS],
        "firing": sum(each.status == "firing" for each in views),
        "resolved": sum(each.status == "resolved" for each in views),
        "truncated": max(0, len(views) - telling.MAX_ALERTS),
        "opened_at": incident.opened_at,
        "at": now,
        "url": f"{base}/ui/incidents/{incident.id}",
    })  # fmt: skip


def _why(group: flushing.Group, plan: flushing.Plan, reason: str) -> str:
    line = group.route.line
    if plan.part_over and reason == "resolved":
        return i18n.say("why.part_over", line=line, receiver=group.receiver.name)
    said = i18n.say(f"why.{reason}", line=line, receiver=group.receiver.name)
    if plan.join is not None:
        said += " " + joins.sentence(plan.join.kind, {**plan.join.detail, "rule": plan.join.rule},
                               plan.join.confidence)  # fmt: skip
    return said


def _odd(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence about the most unusual alert that fires: a storm is unusual once."""
    odd = [row for row in rows if row["status"] == "firing" and row.get("odd")]
    worst = max(odd, key=lambda row: float(row["oddity"]), default=None)
    return [oddities.sentence(True, orjson.loads(worst["odd"]), None)] if worst else []


def view(row: dict[str, Any]) -> AlertView:
    """A member of a group as a reader sees it."""
    return AlertView(
        fingerprint=row["fingerprint"],
        status=row["status"],
        labels=labels.of(row),
        annotations=orjson.loads(row["annotations"]),
        severity=row["severity"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        generator_url=row["generator_url"],
    )
