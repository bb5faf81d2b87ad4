"""A message of every type, to try templates on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import get_args

from schemas.message import AlertView, Message, Reason
from tocsin import i18n

#: 03:07 on a Saturday, when these are read.
AT = datetime(2026, 3, 7, 3, 7, tzinfo=UTC)
TYPES: tuple[Reason, ...] = get_args(Reason)


def message(reason: Reason) -> Message:
    """What a receiver `oncall` would be told in the story of two machines with full disks."""
    over, later = reason == "resolved", reason != "first"
    alerts = [_alert("db-1", over), _alert("db-2", over)] if later else [_alert("db-1", over)]
    acknowledged = reason in ("acknowledged", "handed_over")
    return Message(
        tenant="default",
        receiver="oncall",
        group_key='{}:{alertname="DiskFull"}',
        incident_id="0198c0de-0000-7000-8000-000000000001",
        state="resolved" if over else "acknowledged" if acknowledged else "open",
        reason=reason,
        title="DiskFull: disk of db-1 is full",
        severity="critical",
        why=i18n.say(f"why.{reason}", receiver="oncall", line=7),
        acknowledged_by="ann" if acknowledged else None,
        group_labels={"alertname": "DiskFull"},
        common_labels={"alertname": "DiskFull", "severity": "critical", "team": "db"},
        common_annotations={"summary": "The disk is full"},
        runbook="https://wiki.example.com/runbooks/disk",
        owner="Team DB",
        alerts=alerts,
        firing=0 if over else len(alerts),
        resolved=len(alerts) if over else 0,
        opened_at=AT - timedelta(hours=4 if later else 0),
        at=AT,
        url="https://tocsin.example.com/ui/incidents/0198c0de",
    )


def bare() -> Message:
    """A message with nothing in it that may be missing."""
    return message("first").model_copy(
        update={
            "runbook": None, "owner": None, "group_labels": {}, "common_labels": {},
            "common_annotations": {}, "url": "",
            "alerts": [_alert("db-1", False).model_copy(update={"labels": {}, "annotations": {}})],
        }
    )  # fmt: skip


def of(type: str) -> Iterator[Message]:
    """Those to try a template of this type on; `*` is all types."""
    for reason in TYPES:
        if type in ("*", reason):
            yield message(reason)
    yield bare()


def _alert(instance: str, over: bool) -> AlertView:
    return AlertView(
        fingerprint="a1b2c3d4e5f60718" if instance == "db-1" else "b1b2c3d4e5f60718",
        status="resolved" if over else "firing",
        labels={
            "alertname": "DiskFull", "instance": instance, "severity": "critical", "team": "db",
        },
        annotations={"summary": "The disk is full", "description": f"{instance}: 99 % of /data"},
        severity="critical",
        starts_at=AT - timedelta(hours=4),
        ends_at=AT if over else None,
        generator_url="https://prometheus.example.com/graph?g0.expr=disk",
    )  # fmt: skip
