"""Composing the one message that all channels of a receiver get."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from actors import _groups
from schemas.message import AlertView, Message
from tocsin import i18n
from tocsin.domain import flushing, telling


def message(
    sheet: _groups.Sheet, plan: flushing.Plan, reason: str, now: datetime, public_url: str
) -> Message:
    """What this group's channels are to say."""
    group, incident = sheet.group, plan.incident
    assert group is not None
    assert incident is not None
    mine = {m.fingerprint for m in (*plan.firing, *plan.resolved)}
    views = [view(row) for row in sheet.members if row["fingerprint"] in mine]
    views.sort(key=lambda each: (each.status == "resolved", each.starts_at))
    extras = [orjson.loads(row["extra"] or "{}") for row in sheet.members]
    extra = telling.common(extras)
    shared = telling.common([each.annotations for each in views])
    base = public_url.rstrip("/")
    return Message.model_validate({
        "tenant": sheet.tenant.slug,
        "receiver": group.receiver.name,
        "group_key": f"{group.route.id}:{sheet.row['labels']}",
        "incident_id": str(incident.id),
        "state": incident.state,
        "reason": reason,
        "title": incident.title,
        "severity": incident.severity,
        "why": i18n.say(f"why.{reason}", line=group.route.line,
                        receiver=group.receiver.name),
        "acknowledged_by": incident.acknowledged_by,
        "group_labels": orjson.loads(sheet.row["labels"]),
        "common_labels": telling.common([each.labels for each in views]),
        "common_annotations": shared,
        "runbook": extra.get("runbook") or shared.get("runbook_url"),
        "owner": extra.get("owner"),
        "alerts": views[: telling.MAX_ALERTS],
        "firing": len(plan.firing),
        "resolved": len(plan.resolved),
        "truncated": max(0, len(views) - telling.MAX_ALERTS),
        "opened_at": incident.opened_at,
        "at": now,
        "url": f"{base}/t/{sheet.tenant.slug}/api/v1/incidents/{incident.id}",
    })  # fmt: skip


def view(row: dict[str, Any]) -> AlertView:
    """A member of a group as a reader sees it."""
    return AlertView(
        fingerprint=row["fingerprint"],
        status=row["status"],
        labels=orjson.loads(row["labels"]),
        annotations=orjson.loads(row["annotations"]),
        severity=row["severity"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        generator_url=row["generator_url"],
    )
