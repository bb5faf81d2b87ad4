"""The story of an incident: what happened and what was sent, in one line of time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas import incident as schema
from tocsin import i18n
from tocsin.domain.policy import Policy
from tocsin.web import why
from tocsin.web.dashboard import _faces

Row = dict[str, Any]

#: What a line of the timeline is drawn with; all others are a dot.
ICONS = {
    "opened": "bell", "reopened": "bell", "reopened_by": "bell", "unacknowledged": "bell",
    "woke": "bell", "lapsed": "bell", "acknowledged": "check", "resolved": "check",
    "handed_over": "swap", "taken_over": "swap", "snoozed": "hold", "silenced": "mute",
    "undelivered": "dead",
    "escalation_begun": "now", "escalation_step": "now", "escalation_skipped": "right",
    "escalation_restarted": "retry", "escalation_exhausted": "critical",
    "escalation_held": "hold",
}  # fmt: skip
#: Said by the messages themselves, which say more.
_SAID_BETTER = ("notified", "undelivered")
#: Of a receipt, by its state: what the tick says, its icon and its kind.
_RECEIPTS = {
    "delivered": ("delivered", "checks", "good"), "read": ("read", "checks", "good"),
    "undelivered": ("failed", "cross", "dead"), "bounced": ("failed", "cross", "dead"),
}  # fmt: skip
_STATES = {
    "pending": ("waiting", "clock", "queued"), "sending": ("sending", "retry", "sending"),
    "sent": ("sent", "check", "good"), "dead": ("failed", "cross", "dead"),
    "superseded": ("not_needed", "right", "none"), "dropped": ("dropped", "trash", "none"),
}  # fmt: skip


class Tick(NamedTuple):
    """One message to one place, and how far it came: in a word, a picture and in words."""

    id: str
    channel: str
    destination: str
    face: _faces.Face | None
    word: str
    icon: str
    kind: str
    at: datetime | None
    cause: str
    failed: bool


class Line(NamedTuple):
    """One entry: an act or a decision to tell, which has `ticks`."""

    at: datetime
    kind: str
    icon: str
    sentence: str
    face: _faces.Face | None
    ticks: tuple[Tick, ...]


def of(
    policy: Policy | None, timeline: Sequence[schema.TimelineItem], messages: Sequence[Row],
    now: datetime,
) -> list[Line]:  # fmt: skip
    """Oldest first."""
    told: dict[uuid.UUID, list[Row]] = {}
    for row in messages:
        told.setdefault(row["notification_id"], []).append(row)
    better = _SAID_BETTER if told else ()
    lines = [_act(policy, line) for line in timeline if line.kind not in better]
    for rows in told.values():
        _add(lines, _message(policy, rows, now))
    # At one moment what happened comes before what was told of it.
    return sorted(lines, key=lambda line: (line.at, bool(line.ticks)))


def _add(lines: list[Line], message: Line) -> None:
    """What a step of an escalation sent stands with the step: both are of one transaction."""
    for n, line in enumerate(lines):
        same = line.kind == "escalation_step" and line.at == message.at and not line.ticks
        if same and any(tick.face for tick in message.ticks):
            lines[n] = line._replace(ticks=message.ticks)
            return
    lines.append(message)


def _act(policy: Policy | None, line: schema.TimelineItem) -> Line:
    face = None if line.actor == "tocsin" else _faces.of(policy, line.actor)
    return Line(line.at, line.kind, ICONS.get(line.kind, "info"), line.sentence, face, ())


def _message(policy: Policy | None, rows: Sequence[Row], now: datetime) -> Line:
    first = rows[0]
    ticks = tuple(tick(policy, row, now) for row in rows)
    said = i18n.say(f"change.{first['reason']}")
    return Line(first["created_at"], "told", "deliveries", said, None, ticks)


def tick(policy: Policy | None, row: Row, now: datetime) -> Tick:
    """How far a message came; what the provider said later counts for more than that it took it."""
    word, icon, kind = _STATES.get(row["state"], _STATES["pending"])
    at = row["finished_at"]
    if row["state"] == "sent" and row["receipt"] in _RECEIPTS:
        word, icon, kind = _RECEIPTS[row["receipt"]]
        at = row["receipt_at"]
    elif row["state"] == "pending":
        at = row["due_at"]
        if row["attempts"]:
            word, icon, kind = "retrying", "retry", "retrying"
    failed = word == "failed"
    said = row["cause"] or ""
    shown = said if failed or word in ("retrying", "waiting", "sent") else ""
    if row["state"] == "superseded":
        shown = why.state(row)
    person = row["person"]
    return Tick(
        str(row["id"]), row["channel"], row["destination"],
        _faces.of(policy, person) if person else None, word, icon, kind, at, shown, failed,
    )  # fmt: skip
