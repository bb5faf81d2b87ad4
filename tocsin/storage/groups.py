"""Groups of alerts and their members."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from tocsin.storage.record import Transaction

GroupKey = tuple[int, uuid.UUID]

#: A tenant whose groups that are due have more members than this is heavy and flushed apart.
LIGHT = 100

INSERT = """
INSERT INTO alert_group (tenant, id, route, receiver, labels, active, policy_version, created_at)
SELECT tenant, id, route, receiver, labels, false, policy_version, %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, route text, receiver text,
  labels text, policy_version int)
ORDER BY tenant, id ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT g.* FROM unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id) CROSS JOIN LATERAL (
  SELECT * FROM alert_group WHERE tenant = k.tenant AND id = k.id FOR UPDATE) g
"""
UPDATE = """
UPDATE alert_group g SET active = r.active, anchor = r.anchor, created_at = r.created_at,
  policy_version = r.policy_version
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, active boolean, anchor timestamptz,
  created_at timestamptz, policy_version int)
WHERE g.tenant = r.tenant AND g.id = r.id
"""
JOIN = """
INSERT INTO group_member (tenant, group_id, fingerprint, event_id, event_at)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, group_id uuid, fingerprint text,
  event_id bigint, event_at timestamptz)
ORDER BY tenant, group_id, fingerprint
ON CONFLICT (tenant, group_id, fingerprint)
  DO UPDATE SET event_id = excluded.event_id, event_at = excluded.event_at
"""
MEMBERS = """
SELECT m.tenant, m.group_id, m.fingerprint, m.event_id, m.event_at
FROM unnest(%s::bigint[], %s::uuid[], %s::text[]) AS k (tenant, group_id, fingerprint)
CROSS JOIN LATERAL (SELECT * FROM group_member WHERE tenant = k.tenant AND group_id = k.group_id
  AND fingerprint = k.fingerprint OFFSET 0) m
"""
#: OFFSET 0 keeps the planner from any other way than each group's members, each member's alert:
#: of a new tenant it thinks that there is next to nothing, and joins the whole of it first.
WITH_ALERTS = """
SELECT m.tenant, m.group_id, m.fingerprint, m.event_id, m.event_at, m.muted_by, a.status,
  a.severity, a.labels, a.added, a.ruled, a.annotations, a.extra, a.generator_url, a.starts_at,
  a.ends_at, a.expires_at, a.last_seen, s.reasons AS odd, s.value AS oddity
FROM unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
CROSS JOIN LATERAL (SELECT * FROM group_member WHERE tenant = k.tenant AND group_id = k.id
  OFFSET 0) m
CROSS JOIN LATERAL (SELECT * FROM alert WHERE tenant = m.tenant AND fingerprint = m.fingerprint
  OFFSET 0) a
LEFT JOIN LATERAL (SELECT reasons, value FROM alert_score WHERE tenant = m.tenant
  AND fingerprint = m.fingerprint AND starts_at = a.starts_at AND anomaly OFFSET 0) s ON true
ORDER BY m.tenant, m.group_id, a.starts_at, m.fingerprint
"""
MARK = """
UPDATE group_member m SET muted_by = r.muted_by, event_id = CASE WHEN r.explained THEN NULL
  ELSE m.event_id END
FROM json_to_recordset(%(items)s) AS r (tenant bigint, group_id uuid, fingerprint text,
  muted_by text[], explained boolean)
WHERE m.tenant = r.tenant AND m.group_id = r.group_id AND m.fingerprint = r.fingerprint
"""
LEAVE = """
DELETE FROM group_member m USING json_to_recordset(%(items)s)
  AS r (tenant bigint, group_id uuid, fingerprint text)
WHERE m.tenant = r.tenant AND m.group_id = r.group_id AND m.fingerprint = r.fingerprint
"""

#: Who leaves for elsewhere and comes back is news again: nobody is told by the old page.
UNTELL = """
UPDATE told t SET firing = ARRAY(SELECT f FROM unnest(t.firing) AS f WHERE f <> ALL(r.gone)),
  resolved = ARRAY(SELECT f FROM unnest(t.resolved) AS f WHERE f <> ALL(r.gone)),
  held = ARRAY(SELECT f FROM unnest(t.held) AS f WHERE f <> ALL(r.gone))
FROM (SELECT tenant, group_id, array_agg(fingerprint) AS gone FROM json_to_recordset(%(items)s)
        AS i (tenant bigint, group_id uuid, fingerprint text) GROUP BY tenant, group_id) r
WHERE t.tenant = r.tenant AND t.group_id = r.group_id
  AND (t.firing && r.gone OR t.resolved && r.gone OR t.held && r.gone)
"""


def ensure(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Make the groups not there yet: {tenant, id, route, receiver, labels, policy_version}."""
    tx.many(INSERT, items, {"now": tx.now})


def lock(tx: Transaction, keys: Sequence[GroupKey]) -> dict[GroupKey, dict[str, Any]]:
    """Lock groups in the order of their key; those that do not exist are left out."""
    ordered = sorted(keys)
    found = tx.rows(LOCK, [[tenant for tenant, _ in ordered], [group for _, group in ordered]])
    return {(row["tenant"], row["id"]): row for row in found}


def claim_due(
    tx: Transaction, limit: int, members: int = 5000, heavy: bool = False
) -> list[dict[str, Any]]:
    """Lock groups, of any tenant, whose flush is due and that nobody else holds.

    Returns {tenant, group_id, members, light}. They have about `members` members in sum; those of
    light tenants, or, if there are none or `heavy` says so, of heavy ones.
    """
    return tx.rows("SELECT * FROM claim_flushes(%s, %s, %s, %s)", [limit, members, heavy, LIGHT])


def update(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write {tenant, id, active, anchor, created_at, policy_version} of locked groups."""
    tx.many(UPDATE, items)


def members(
    tx: Transaction, keys: Sequence[tuple[int, uuid.UUID, str]]
) -> dict[tuple[int, uuid.UUID, str], dict[str, Any]]:
    """Which of these (tenant, group, fingerprint) are members."""
    columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
    return {
        (row["tenant"], row["group_id"], row["fingerprint"]): row
        for row in tx.rows(MEMBERS, columns)
    }


def memberships(tx: Transaction, keys: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    """Every group that holds one of these (tenant, fingerprint)."""
    if not keys:
        return []
    return tx.rows(
        "SELECT m.tenant, m.group_id, m.fingerprint, m.event_id, m.event_at"
        " FROM unnest(%s::bigint[], %s::text[]) AS k (tenant, fingerprint)"
        " CROSS JOIN LATERAL (SELECT * FROM group_member"
        "  WHERE tenant = k.tenant AND fingerprint = k.fingerprint OFFSET 0) m",
        [[tenant for tenant, _ in keys], [mark for _, mark in keys]],
    )


def join(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Make or refresh members: {tenant, group_id, fingerprint, event_id, event_at}."""
    tx.many(JOIN, items)


def mark(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Note what mutes a member and whether its event is explained for good."""
    tx.many(MARK, items)


def leave(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    tx.many(LEAVE, items)


def move_out(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Take out members that go on elsewhere; what these groups told of them stands no more."""
    tx.many(LEAVE, items)
    tx.many(UNTELL, items)


def with_alerts(tx: Transaction, keys: Sequence[GroupKey]) -> list[dict[str, Any]]:
    """All members of these groups with the alerts as they are now."""
    return tx.rows(WITH_ALERTS, [[tenant for tenant, _ in keys], [group for _, group in keys]])


def muted_by(tx: Transaction, by: Sequence[tuple[int, str]]) -> list[GroupKey]:
    """The groups of these tenants that hold alerts back because of this silence or inhibitor."""
    found = tx.rows(
        "SELECT DISTINCT m.tenant, m.group_id FROM group_member m"
        " CROSS JOIN LATERAL unnest(m.muted_by) AS held (by)"
        " JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, by)"
        "  ON m.tenant = k.tenant AND k.by = held.by"
        " WHERE m.muted_by IS NOT NULL ORDER BY 1, 2",
        [[tenant for tenant, _ in by], [text for _, text in by]],
    )
    return [(row["tenant"], row["group_id"]) for row in found]


def of_older_policy(tx: Transaction, tenant: int, version: int, limit: int) -> list[GroupKey]:
    """Active groups whose members were not held against this version yet, locked."""
    found = tx.rows(
        "SELECT tenant, id FROM alert_group WHERE tenant = %s AND active AND policy_version <> %s"
        " ORDER BY tenant, id LIMIT %s FOR UPDATE",
        [tenant, version, limit],
    )
    return [(row["tenant"], row["id"]) for row in found]
