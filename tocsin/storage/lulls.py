"""Silences that are to end with what they hold back: what that was, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tocsin.domain import suppression
from tocsin.storage import timers
from tocsin.storage.record import Transaction

#: The kind of the timer at which they are asked; its subject is the id of the silence.
TIMER = "lull"
HOLD = """
INSERT INTO silence_held (tenant, silence, fingerprint, held_at)
SELECT DISTINCT tenant, silence, fingerprint, %(now)s FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, silence uuid, fingerprint text)
ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING RETURNING tenant, silence
"""
LOCK = """
SELECT s.tenant, s.id, s.until_resolved AND s.ends_at > %s AS waits FROM silence s
JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id) ON s.tenant = k.tenant AND s.id = k.id
ORDER BY s.tenant, s.id FOR UPDATE OF s
"""
#: The end that a sender named may lie ahead of our clock.
LEFT = """
SELECT h.tenant, h.silence, count(*) FILTER (WHERE a.status = 'firing') AS firing,
  max(least(a.ends_at, %s)) AS over
FROM silence_held h JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON h.tenant = k.tenant AND h.silence = k.id
JOIN alert a ON a.tenant = h.tenant AND a.fingerprint = h.fingerprint
GROUP BY h.tenant, h.silence
"""


class Left(NamedTuple):
    """What became of all that a silence held back."""

    firing: int
    over: datetime | None


Key = tuple[int, Any]


def hold(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Note what such silences hold back: {tenant, silence, fingerprint}; then they are asked."""
    new = {(row["tenant"], row["silence"]) for row in tx.many(HOLD, items, {"now": tx.now})}
    due = tx.now + suppression.GRACE
    timers.earlier(
        tx, TIMER,
        [{"tenant": tenant, "subject": silence, "due_at": due}
         for tenant, silence in sorted(new)],
    )  # fmt: skip


def lock(tx: Transaction, keys: Sequence[Key]) -> dict[Key, bool]:
    """Lock these silences; whether each still waits for that end."""
    rows = tx.rows(LOCK, [tx.now, *_columns(keys)])
    return {(row["tenant"], row["id"]): row["waits"] for row in rows}


def left(tx: Transaction, keys: Sequence[Key]) -> dict[Key, Left]:
    """What became of what they held back; one that held nothing is left out."""
    rows = tx.rows(LEFT, [tx.now, *_columns(keys)])
    return {(row["tenant"], row["silence"]): Left(row["firing"], row["over"]) for row in rows}


def _columns(keys: Sequence[Key]) -> list[list[Any]]:
    return [[tenant for tenant, _ in keys], [silence for _, silence in keys]]
