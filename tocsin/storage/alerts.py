"""Stored alerts: the locked read of a drain, and what it writes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin import errors
from tocsin.domain import tags
from tocsin.storage import labels, timers
from tocsin.storage.record import Transaction

#: In the order of the keys, which must be that of the index, so that two drains over the same
#: alerts wait instead of deadlocking: the inner FOR UPDATE looks up one key after the other.
LOCK = """
SELECT a.tenant, a.fingerprint, a.status, a.starts_at, a.ends_at, a.expires_at, a.extra,
  a.added, a.ruled
FROM unnest(%b::bigint[], %b::text[]) AS k (tenant, fingerprint) CROSS JOIN LATERAL (
  SELECT * FROM alert WHERE tenant = k.tenant AND fingerprint = k.fingerprint FOR UPDATE) a
"""
INSERT = """
INSERT INTO alert (tenant, fingerprint, status, severity, labels, annotations, source,
                   generator_url, starts_at, ends_at, expires_at, count, first_seen, last_seen,
                   tags)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, fingerprint text, status text,
  severity text, labels text, annotations text, source text, generator_url text,
  starts_at timestamptz, ends_at timestamptz, expires_at timestamptz, count bigint,
  first_seen timestamptz, last_seen timestamptz, tags bigint[])
ORDER BY tenant, fingerprint ON CONFLICT DO NOTHING
"""
CHANGE = """
UPDATE alert a SET status = r.status, starts_at = r.starts_at, ends_at = r.ends_at,
  expires_at = r.expires_at, count = a.count + r.count, last_seen = r.last_seen,
  annotations = coalesce(r.annotations, a.annotations)
FROM json_to_recordset(%(items)s) AS r (tenant bigint, fingerprint text, status text,
  annotations text, starts_at timestamptz, ends_at timestamptz, expires_at timestamptz,
  count bigint, last_seen timestamptz)
WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint
"""
REPEAT = """
UPDATE alert a SET count = a.count + r.count, last_seen = r.last_seen, expires_at = r.expires_at
FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::timestamptz[], %b::timestamptz[])
  AS r (tenant, fingerprint, count, last_seen, expires_at)
WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint
"""
ENRICHED = """
UPDATE alert a SET extra = r.extra, added = r.added, tags = a.tags || r.tags
FROM json_to_recordset(%(items)s) AS r (tenant bigint, fingerprint text, extra text, added text,
  tags bigint[])
WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint
"""
RULED = """
UPDATE alert a SET ruled = r.ruled, severity = r.severity, tags = a.tags || r.tags
FROM json_to_recordset(%(items)s) AS r (tenant bigint, fingerprint text, ruled text, severity text,
  tags bigint[])
WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint
"""


def lock(tx: Transaction, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], dict[str, Any]]:
    """Lock what is stored of these alerts; this is also the authoritative read."""
    ordered = sorted(keys)
    found = tx.rows(LOCK, [[tenant for tenant, _ in ordered], [mark for _, mark in ordered]])
    return {(row["tenant"], row["fingerprint"]): row for row in found}


def lock_whole(
    tx: Transaction, keys: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], dict[str, Any]]:
    """The same with every column."""
    found = tx.rows(
        "SELECT a.* FROM alert a JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, fingerprint)"
        " ON a.tenant = k.tenant AND a.fingerprint = k.fingerprint"
        " ORDER BY a.tenant, a.fingerprint FOR UPDATE OF a",
        [[tenant for tenant, _ in keys], [mark for _, mark in keys]],
    )
    return {(row["tenant"], row["fingerprint"]): row for row in found}


def insert(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Store alerts that `lock` did not find.

    Raises Again where another worker stored one of them meanwhile.
    """
    if not items:
        return
    made = tx.many(INSERT + " RETURNING 1 AS one", _tagged(items, "labels"))
    if len(made) != len(items):
        raise errors.Again


def change(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write new states of locked alerts."""
    tx.many(CHANGE, items)


def repeat(tx: Transaction, items: Sequence[tuple[Any, ...]]) -> None:
    """Count repeats: (tenant, fingerprint, count, last_seen, expires_at)."""
    if items:
        tx.run(REPEAT, [list(column) for column in zip(*items, strict=True)])


def enriched(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write what enrichment found: {tenant, fingerprint, extra, added}; None: nothing."""
    tx.many(ENRICHED, _tagged(items, "added"))


def ruled(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write what rules set: {tenant, fingerprint, ruled, severity}; `ruled` None: nothing."""
    tx.many(RULED, _tagged(items, "ruled"))


def _tagged(items: Sequence[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """With the tags of these labels too, so that the search finds it by what it is called now."""
    return [
        {**item, "tags": tags.of(item["tenant"], labels.pairs(item[column]).items())}
        for item in items
    ]


def lock_expiring(tx: Transaction, subjects: list[tuple[int, str]]) -> list[dict[str, Any]]:
    """Lock those of these alerts that nobody else holds, whole."""
    return tx.rows(
        "SELECT a.* FROM alert a JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, fingerprint)"
        " ON a.tenant = k.tenant AND a.fingerprint = k.fingerprint"
        " ORDER BY a.tenant, a.fingerprint FOR UPDATE OF a SKIP LOCKED",
        [[tenant for tenant, _ in subjects], [mark for _, mark in subjects]],
    )


ENDLESS = """
SELECT fingerprint, labels, last_seen FROM alert
WHERE tenant = %s AND fingerprint > %s AND status = 'firing' AND expires_at IS NULL
  AND source <> ALL(%s) ORDER BY fingerprint LIMIT %s FOR UPDATE
"""
FADE = """
UPDATE alert a SET expires_at = r.due_at
FROM json_to_recordset(%(items)s) AS r (tenant bigint, subject text, due_at timestamptz)
WHERE a.tenant = r.tenant AND a.fingerprint = r.subject
"""


def lock_endless(
    tx: Transaction, tenant: int, after: str, own: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """A page, locked, of the alerts that fire and never end by themselves, but Tocsin's own."""
    return tx.rows(ENDLESS, [tenant, after, list(own), limit])


def fade(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Let these locked alerts {tenant, subject, due_at} end unless they are posted again."""
    tx.many(FADE, items)
    timers.earlier(tx, "expire", items)


#: A page of alerts first, then one look each: joined the other way round it is quadratic where the
#: planner knows nothing of a tenant yet.
IN_NO_GROUP = """
WITH page AS MATERIALIZED (
  SELECT fingerprint, severity, labels, added, ruled, status FROM alert
  WHERE tenant = %(tenant)s AND fingerprint > %(after)s ORDER BY fingerprint LIMIT %(limit)s)
SELECT p.fingerprint, p.severity, p.labels, p.added, p.ruled,
  p.status = 'firing' AND held.one IS NULL AND waits.one IS NULL AND folded.one IS NULL
    AS homeless
FROM page p
LEFT JOIN LATERAL (SELECT 1 AS one FROM group_member m
  WHERE m.tenant = %(tenant)s AND m.fingerprint = p.fingerprint LIMIT 1) held ON true
LEFT JOIN LATERAL (SELECT 1 AS one FROM alert_event e
  WHERE e.tenant = %(tenant)s AND e.fingerprint = p.fingerprint AND e.outcome IS NULL LIMIT 1)
  waits ON true
LEFT JOIN LATERAL (SELECT 1 AS one FROM folded_alert f
  WHERE f.tenant = %(tenant)s AND f.fingerprint = p.fingerprint LIMIT 1) folded ON true
ORDER BY p.fingerprint
"""


def in_no_group(tx: Transaction, tenant: int, after: str, limit: int) -> list[dict[str, Any]]:
    """A page of alerts by fingerprint; `homeless`: it fires and no group has it or soon will."""
    return tx.rows(IN_NO_GROUP, {"tenant": tenant, "after": after, "limit": limit})
