"""Questions to other systems and their answers: what a drain reads, and what the asking writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin.storage.record import Transaction

Key = tuple[int, str, str]

FIND = """
SELECT l.tenant, l.enricher, l.key, l.given, l.fetched_at, l.expires_at, l.due_at, l.error
FROM lookup l JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS k (tenant, enricher, key)
  ON l.tenant = k.tenant AND l.enricher = k.enricher AND l.key = k.key
"""
#: The answer may have come since `find` looked: a good one is not asked for again.
WANT = """
INSERT INTO lookup AS l (tenant, enricher, key, request, host, due_at, attempts, fence)
SELECT tenant, enricher, key, request, host, %(now)s, 0, 0
FROM json_to_recordset(%(items)s) AS r (tenant bigint, enricher text, key text, request text,
  host text)
ORDER BY tenant, enricher, key
ON CONFLICT (tenant, enricher, key) DO UPDATE SET due_at = CASE
  WHEN l.due_at IS NOT NULL THEN l.due_at
  WHEN l.error IS NOT NULL THEN greatest(l.expires_at, excluded.due_at)
  WHEN l.expires_at <= excluded.due_at THEN excluded.due_at END
RETURNING tenant, enricher, key, given, fetched_at, expires_at, due_at, error
"""
WAIT = """
INSERT INTO lookup_waiting (tenant, enricher, key, fingerprint)
SELECT tenant, enricher, key, fingerprint FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, enricher text, key text, fingerprint text)
ORDER BY tenant, enricher, key, fingerprint ON CONFLICT DO NOTHING
"""
MINE = " WHERE tenant = %(tenant)s AND enricher = %(enricher)s AND key = %(key)s"
FENCED = MINE + " AND fence = %(fence)s"


def find(tx: Transaction, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """What is known of these (tenant, enricher, key), without a lock."""
    return tx.rows(FIND, [list(column) for column in zip(*keys, strict=True)]) if keys else []


def want(tx: Transaction, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Have these asked, {tenant, enricher, key, request, host}, and lock them.

    Until the transaction ends no answer is stored, so that who waits for it is not overlooked.
    Returns them as they are under that lock: one may have been answered meanwhile.
    """
    return tx.many(WANT, items, {"now": tx.now})


def wait(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Note the alerts, {tenant, enricher, key, fingerprint}, that went on without an answer."""
    tx.many(WAIT, items)


def claim(
    tx: Transaction, limit: int, lease: timedelta, busy: Sequence[str]
) -> list[dict[str, Any]]:
    """Take questions that are due, of any tenant, under a lease and a fence."""
    return tx.rows("SELECT * FROM claim_lookups(%s, %s, %s)", [limit, lease, list(busy)])


def answered(tx: Transaction, row: dict[str, Any], given: str, until: datetime) -> bool:
    """Store an answer under the fence; False where somebody else has asked since."""
    return bool(
        tx.run(
            "UPDATE lookup SET given = %(given)s, fetched_at = %(now)s, expires_at = %(until)s,"
            " due_at = NULL, attempts = 0, error = NULL" + FENCED,
            {**row, "given": given, "until": until, "now": tx.now},
        )
    )


def failed(tx: Transaction, row: dict[str, Any], error: str, again: datetime) -> bool:
    """Note a failure under the fence. It is asked again then, if an alert that fires waits."""
    return bool(
        tx.run(
            "UPDATE lookup SET error = %(error)s, expires_at = %(again)s,"
            " due_at = CASE WHEN EXISTS (SELECT 1 FROM lookup_waiting w JOIN alert a"
            "   ON a.tenant = w.tenant AND a.fingerprint = w.fingerprint"
            "   WHERE w.tenant = lookup.tenant AND w.enricher = lookup.enricher"
            "   AND w.key = lookup.key AND a.status = 'firing') THEN %(again)s END" + FENCED,
            {**row, "error": error[:500], "again": again},
        )
    )


def drop(tx: Transaction, row: dict[str, Any]) -> None:
    """Take a question out that no policy asks any more, with all who wait for it."""
    if tx.run("DELETE FROM lookup" + FENCED, row):
        tx.run("DELETE FROM lookup_waiting" + MINE, row)


def freed(tx: Transaction, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The alerts that waited for this and still fire: fingerprint, severity. Nobody waits now."""
    return tx.rows(
        "WITH gone AS (DELETE FROM lookup_waiting" + MINE + " RETURNING tenant, fingerprint)"
        " SELECT a.fingerprint, a.severity FROM gone g"
        " JOIN alert a ON a.tenant = g.tenant AND a.fingerprint = g.fingerprint"
        " WHERE a.status = 'firing' ORDER BY a.fingerprint",
        row,
    )


def forget(tx: Transaction, before: datetime) -> None:
    """Remove, for all tenants, answers that nobody has asked for since they ran out."""
    tx.run("SELECT forget_lookups(%s)", [before])
