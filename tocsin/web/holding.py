"""What held an alert back, in words: the silence or the maintenance window behind an outcome."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from tocsin import i18n
from tocsin.storage import silences
from tocsin.storage.record import Transaction

#: Outcomes whose cause is the ids of what held the alert back.
HELD = ("silenced", "muted")


def sentences(tx: Transaction, tenant: int, events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """By the cause of such an event: who keeps quiet what, until when, and why."""
    causes = {row["cause"] for row in events if row["outcome"] in HELD and row["cause"] is not None}
    ids = {id for cause in causes for text in cause.split() if (id := _id(text))}
    if not ids:
        return {}
    said = {str(row["id"]): _sentence(row) for row in silences.named(tx, tenant, ids)}
    return {cause: " ".join(said.get(text, text) for text in cause.split()) for cause in causes}


def _sentence(row: Mapping[str, Any]) -> str:
    until = row["ends_at"].strftime("%Y-%m-%d %H:%M UTC")
    if row["kind"] == silences.MAINTENANCE:
        return i18n.say("silence.in_window", name=row["name"], until=until, comment=row["comment"])
    who = row["created_by"]
    return i18n.say("silence.held_by", who=who, until=until, comment=row["comment"])


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
