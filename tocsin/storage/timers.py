"""Timers: what falls due when. A timer is a row; Redis and the clock only hurry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.storage.record import Transaction

EARLIER = """
INSERT INTO timer (tenant, kind, subject, due_at, urgent)
SELECT tenant, %(kind)s, subject, due_at, coalesce(urgent, false)
FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, subject text, due_at timestamptz, urgent boolean) ORDER BY tenant, subject
ON CONFLICT (tenant, kind, subject) DO UPDATE SET
  due_at = least(excluded.due_at, timer.due_at), urgent = excluded.urgent OR timer.urgent
WHERE excluded.due_at < timer.due_at OR (excluded.urgent AND NOT timer.urgent)
"""
EXACTLY = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, %(kind)s, subject, due_at FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, subject text, due_at timestamptz) ORDER BY tenant, subject
ON CONFLICT (tenant, kind, subject) DO UPDATE SET due_at = excluded.due_at, urgent = false
"""
DROP = """
DELETE FROM timer t USING json_to_recordset(%(items)s) AS r (tenant bigint, subject text)
WHERE t.tenant = r.tenant AND t.kind = %(kind)s AND t.subject = r.subject
"""


def due(tx: Transaction, kind: str, limit: int) -> list[dict[str, Any]]:
    """Timers due, of all tenants and without a lock: lock the subjects, then look again."""
    return tx.rows("SELECT * FROM due_timers(%s, %s)", [kind, limit])


def still_due(tx: Transaction, kind: str, subjects: list[str]) -> dict[tuple[int, str], datetime]:
    """Which of these subjects, now locked, have a timer that is due."""
    found = tx.rows(
        "SELECT tenant, subject, due_at FROM timer"
        " WHERE kind = %s AND subject = ANY(%s) AND due_at <= %s",
        [kind, subjects, tx.now],
    )
    return {(row["tenant"], row["subject"]): row["due_at"] for row in found}


def earlier(tx: Transaction, kind: str, items: Sequence[dict[str, Any]]) -> None:
    """Set timers {tenant, subject, due_at}, but never put off one that is due sooner.

    With `urgent` it comes before others of its tenant that are due as well.
    """
    tx.many(EARLIER, items, {"kind": kind})


def exactly(tx: Transaction, kind: str, items: Sequence[dict[str, Any]]) -> None:
    """Set timers {tenant, subject, due_at}, whatever was set before."""
    tx.many(EXACTLY, items, {"kind": kind})


def drop(tx: Transaction, kind: str, items: Sequence[dict[str, Any]]) -> None:
    """Remove the timers of these {tenant, subject}."""
    tx.many(DROP, items, {"kind": kind})
