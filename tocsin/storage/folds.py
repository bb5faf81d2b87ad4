"""Folds: the alerts of a flood that were counted and kept, and go their way when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin.storage.record import Transaction

#: The timer that looks whether a flood is over; its subject is the fold.
TIMER = "fold"

OPEN = """
INSERT INTO fold (tenant, id, began_at, alerts)
SELECT tenant, id, %(now)s, 0 FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid)
ORDER BY tenant ON CONFLICT DO NOTHING RETURNING tenant, id, alerts, labels
"""
COUNT = """
UPDATE fold f SET alerts = f.alerts + r.alerts, labels = r.labels
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, alerts int, labels text)
WHERE f.tenant = r.tenant AND f.id = r.id
"""
KEEP = """
INSERT INTO folded_alert (tenant, fold_id, fingerprint, times)
SELECT * FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, fold_id uuid, fingerprint text, times int)
ORDER BY tenant, fingerprint, fold_id
ON CONFLICT (tenant, fingerprint, fold_id)
  DO UPDATE SET times = folded_alert.times + excluded.times
"""
TAKE = """
WITH gone AS (
  DELETE FROM folded_alert WHERE tenant = %(tenant)s AND fold_id = %(fold)s AND fingerprint = ANY(
    ARRAY(SELECT fingerprint FROM folded_alert WHERE tenant = %(tenant)s AND fold_id = %(fold)s
          ORDER BY fingerprint LIMIT %(limit)s))
  RETURNING fingerprint)
SELECT fingerprint FROM gone ORDER BY fingerprint
"""


def lock(tx: Transaction, tenants: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The folds of these tenants that are under way, locked; the caller holds their alerts."""
    found = tx.rows(
        "SELECT tenant, id, alerts, labels FROM fold WHERE tenant = ANY(%s) AND ended_at IS NULL"
        " ORDER BY tenant FOR UPDATE",
        [list(tenants)],
    )
    return {row["tenant"]: row for row in found}


def open_(tx: Transaction, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Begin folds {tenant, id}; returns those that nobody else began meanwhile."""
    return tx.many(OPEN, items, {"now": tx.now})


def count(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Add {tenant, id, alerts, labels} to locked folds; `labels` is what all share, as JSON."""
    tx.many(COUNT, items)


def keep(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Remember {tenant, fold_id, fingerprint, times} for when it is over."""
    tx.many(KEEP, items)


def lock_one(tx: Transaction, tenant: int, fold: str) -> dict[str, Any] | None:
    """A fold, under way or not, locked."""
    return tx.row(
        "SELECT tenant, id, alerts, labels, began_at, ended_at FROM fold"
        " WHERE tenant = %s AND id = %s::uuid FOR UPDATE",
        [tenant, fold],
    )


def end(tx: Transaction, row: dict[str, Any]) -> None:
    tx.run(
        "UPDATE fold SET ended_at = %s WHERE tenant = %s AND id = %s",
        [tx.now, row["tenant"], row["id"]],
    )


def firing(tx: Transaction, row: dict[str, Any]) -> int:
    """How many of its alerts still fire."""
    found = tx.row(
        "SELECT count(*) AS n FROM folded_alert k JOIN alert a ON a.tenant = k.tenant"
        " AND a.fingerprint = k.fingerprint WHERE k.tenant = %s AND k.fold_id = %s"
        " AND a.status = 'firing'",
        [row["tenant"], row["id"]],
    )
    return int(found["n"]) if found else 0


def take(tx: Transaction, row: dict[str, Any], limit: int) -> list[str]:
    """Take the next fingerprints out of a fold that ended."""
    found = tx.rows(TAKE, {"tenant": row["tenant"], "fold": row["id"], "limit": limit})
    return [each["fingerprint"] for each in found]
