"""What is said of alerts that are over only because nobody posted them any more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

import orjson

from tocsin import i18n


def of(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of these alerts of which no sender said that they are over."""
    return [row for row in rows if row["status"] == "resolved" and row["expires_at"] is not None]


def notes(rows: Iterable[dict[str, Any]]) -> list[str]:
    """One sentence, where there are some: who reads it may want to look."""
    found = of(rows)
    if not found:
        return []
    at = max(row["last_seen"] for row in found).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    name = orjson.loads(found[0]["labels"]).get("alertname", "")
    return [i18n.say("expiry.note", n=len(found), name=name, at=at)]
