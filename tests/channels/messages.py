"""Messages for the tests of channels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas import message

NOW = datetime(2026, 3, 7, 3, 7, tzinfo=UTC)


def alert(**changes: Any) -> message.AlertView:
    """A firing alert."""
    fields = {
        "fingerprint": "a1b2c3d4e5f60718",
        "status": "firing",
        "labels": {"alertname": "DiskFull", "instance": "db-1", "severity": "critical"},
        "annotations": {"summary": "The disk of db-1 is full"},
        "severity": "critical",
        "starts_at": NOW,
        "generator_url": "https://prometheus.example/graph?g0.expr=disk&g0.tab=1",
    }
    return message.AlertView.model_validate({**fields, **changes})


def first(**changes: Any) -> message.Message:
    """The first message of an incident with one alert."""
    fields = {
        "tenant": "acme",
        "receiver": "ops",
        "group_key": '{}:{alertname="DiskFull"}',
        "incident_id": "0198c0de-0000-7000-8000-000000000001",
        "state": "open",
        "reason": "first",
        "title": "DiskFull on db-1",
        "severity": "critical",
        "why": "route team=db sends critical alerts to ops",
        "group_labels": {"alertname": "DiskFull"},
        "common_labels": {"alertname": "DiskFull", "instance": "db-1"},
        "common_annotations": {"summary": "The disk of db-1 is full"},
        "runbook": "https://runbooks.example/disk",
        "alerts": [alert()],
        "firing": 1,
        "opened_at": NOW,
        "at": NOW,
        "url": "https://tocsin.example/incidents/0198c0de",
    }
    return message.Message.model_validate({**fields, **changes})


#: What somebody who may name a machine or write an annotation might try.
HOSTILE = (
    "<!channel> <!here> <@U0EVIL> <https://evil.example|click>",
    "two\r\nX-Evil: 1\r\n\r\nlines",
    "\x1b[31mred\x1b[0m \x00\x07\x9b bell",
    "\u202egnp.exe \u2066\u200b\ufeff",
    "&lt;!channel&gt; & < > ${jndi} {{7*7}} {0.__class__} $why %s",
    "A" * 1_000_000,
    "&" * 5_000,
    "'; DROP TABLE alert; --",
    "\U0001f525" * 3_000,
    "",
)


def hostile(text: str) -> message.Message:
    """A message with ``text`` wherever data of an alert may stand."""
    many = 30 if len(text) < 10_000 else 1
    bad = alert(
        labels={"alertname": text, "instance": text, text[:500] or "x": text},
        annotations={"summary": text, "description": text},
        generator_url=f"javascript:{text[:100]}",
    )
    return first(
        title=text,
        why=text,
        owner=text,
        acknowledged_by=text,
        runbook=f"https://ok.example/|{text[:100]}>",
        group_key=text,
        group_labels={f"{number}{text[:50]}": text for number in range(many)},
        common_labels={"x": text},
        common_annotations={"x": text},
        alerts=[bad] * many,
        firing=many,
    )
