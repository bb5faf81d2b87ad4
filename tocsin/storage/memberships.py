"""Which groups an incident has: the joins between the two, and what a flush must know of them.

A group is in one incident at a time: the newest it opened or joined, be that open or resolved.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tocsin.storage.deliveries import PAGING
from tocsin.storage.groups import GroupKey
from tocsin.storage.record import Transaction

IncidentKey = tuple[int, uuid.UUID]

JOIN = """
INSERT INTO incident_group (tenant, incident_id, group_id, joined_at, reason, confidence, detail,
  facts)
SELECT tenant, incident_id, group_id, %(now)s, reason, confidence, detail, facts
FROM json_to_recordset(%(items)s) AS r (tenant bigint, incident_id uuid, group_id uuid,
  reason text, confidence float8, detail text, facts text)
ORDER BY tenant, incident_id, group_id
ON CONFLICT (tenant, incident_id, group_id) DO UPDATE SET joined_at = excluded.joined_at,
  left_at = NULL, reason = excluded.reason, confidence = excluded.confidence,
  detail = excluded.detail, facts = excluded.facts
"""
LEAVE = """
UPDATE incident_group m SET left_at = %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, group_id uuid)
WHERE m.tenant = r.tenant AND m.group_id = r.group_id AND m.left_at IS NULL
"""
NOTE = """
UPDATE incident_group m SET facts = r.facts
FROM json_to_recordset(%(items)s) AS r (tenant bigint, group_id uuid, facts text)
WHERE m.tenant = r.tenant AND m.group_id = r.group_id AND m.left_at IS NULL
"""
#: The array is sorted, so that the locks are taken in one order.
GATHER = """
SELECT pg_advisory_xact_lock(hashtextextended('incidents of tenant ' || k.tenant, 0))
FROM unnest(%s::bigint[]) AS k (tenant)
"""
GAINING = """
SELECT i.tenant, i.id FROM incident i
JOIN unnest(%s::bigint[], %s::timestamptz[]) AS k (tenant, since) ON i.tenant = k.tenant
WHERE i.state <> 'resolved' AND i.gained_at > k.since AND NOT EXISTS (
  SELECT 1 FROM storm s WHERE s.tenant = i.tenant AND s.incident_id = i.id)
ORDER BY i.gained_at DESC LIMIT %s
"""
GROUPS = """
SELECT m.tenant, m.incident_id, m.group_id, m.joined_at, m.facts, m.reason, g.active, g.receiver,
  g.route, g.labels
FROM unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
CROSS JOIN LATERAL (SELECT * FROM incident_group
  WHERE tenant = k.tenant AND incident_id = k.id AND left_at IS NULL OFFSET 0) m
CROSS JOIN LATERAL (SELECT * FROM alert_group
  WHERE tenant = m.tenant AND id = m.group_id OFFSET 0) g
ORDER BY m.tenant, m.incident_id, m.joined_at, m.group_id
"""
#: Of the incident of a storm, which may have thousands: these groups, and one more with alerts.
FEW = """
SELECT m.tenant, m.incident_id, m.group_id, m.joined_at, m.facts, m.reason, g.active, g.receiver,
  g.route, g.labels
FROM unnest(%(tenants)s::bigint[], %(ids)s::uuid[]) AS k (tenant, id)
CROSS JOIN LATERAL (
  SELECT x.* FROM incident_group x WHERE x.tenant = k.tenant AND x.incident_id = k.id
    AND x.left_at IS NULL AND x.group_id = ANY(%(mine)s)
  UNION ALL (
  SELECT x.* FROM incident_group x JOIN alert_group y ON y.tenant = x.tenant AND y.id = x.group_id
  WHERE x.tenant = k.tenant AND x.incident_id = k.id AND x.left_at IS NULL
    AND y.active AND x.group_id <> ALL(%(mine)s) LIMIT 1)) m
JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id
ORDER BY m.tenant, m.incident_id, m.joined_at, m.group_id
"""
#: What all groups of an incident heard, in sum.
HEARD = """
SELECT t.tenant, t.incident_id, t.integration, array_agg(DISTINCT t.severity) FILTER (
    WHERE t.severity IS NOT NULL) AS severities,
  max(t.at) FILTER (WHERE cardinality(t.firing) > 0) AS at
FROM incident_group m JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON m.tenant = k.tenant AND m.incident_id = k.id
JOIN told t ON t.tenant = m.tenant AND t.group_id = m.group_id AND t.incident_id = m.incident_id
WHERE m.left_at IS NULL GROUP BY 1, 2, 3
"""
LOGS = """
SELECT t.tenant, t.incident_id, t.group_id, t.integration, t.severity, t.at, t.ref IS NOT NULL AS
  thread, cardinality(t.firing) > 0 AS firing
FROM incident_group m JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON m.tenant = k.tenant AND m.incident_id = k.id
JOIN told t ON t.tenant = m.tenant AND t.group_id = m.group_id AND t.incident_id = m.incident_id
WHERE m.left_at IS NULL ORDER BY m.tenant, m.incident_id, m.joined_at, m.group_id, t.integration
"""
PAGES = """
SELECT d.tenant, d.incident_id, d.integration, bool_or(d.state = 'sent') AS arrived,
  bool_or(d.state IN ('pending', 'sending')) AS coming
FROM delivery d JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON d.tenant = k.tenant AND d.incident_id = k.id
JOIN notification n ON n.tenant = d.tenant AND n.id = d.notification_id AND n.reason = ANY(%s)
GROUP BY d.tenant, d.incident_id, d.integration
"""
#: An escalation is as good as a page that arrived: it goes on until somebody is told.
CHAINS = """
SELECT e.tenant, e.incident_id, e.receiver || '/escalation/0' AS integration, true AS arrived,
  false AS coming
FROM escalation e JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON e.tenant = k.tenant AND e.incident_id = k.id
"""


def gather(tx: Transaction, tenants: Iterable[int]) -> None:
    """Be the only one who opens incidents of these tenants until the transaction ends."""
    if ordered := sorted(set(tenants)):
        tx.rows(GATHER, [ordered])


def of(tx: Transaction, keys: Sequence[GroupKey]) -> dict[GroupKey, dict[str, Any]]:
    """The memberships that groups are in, with the state of the incident."""
    if not keys:
        return {}
    found = tx.rows(
        "SELECT m.tenant, m.group_id, m.incident_id, m.joined_at, m.facts, m.reason, i.state"
        " FROM unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)"
        " CROSS JOIN LATERAL (SELECT * FROM incident_group"
        "  WHERE tenant = k.tenant AND group_id = k.id AND left_at IS NULL OFFSET 0) m"
        " CROSS JOIN LATERAL (SELECT state FROM incident"
        "  WHERE tenant = m.tenant AND id = m.incident_id OFFSET 0) i",
        _columns(keys),
    )
    return {(row["tenant"], row["group_id"]): row for row in found}


def gaining(tx: Transaction, since: dict[int, datetime], limit: int) -> list[IncidentKey]:
    """Incidents, not resolved, that opened or gained a group after this moment; by tenant."""
    if not since:
        return []
    found = tx.rows(GAINING, [list(since), list(since.values()), limit])
    return [(row["tenant"], row["id"]) for row in found]


def groups_of(tx: Transaction, keys: Sequence[IncidentKey]) -> list[dict[str, Any]]:
    """The groups that incidents have now, the longest in it first."""
    return tx.rows(GROUPS, _columns(keys)) if keys else []


def few_of(
    tx: Transaction, keys: Sequence[IncidentKey], mine: Sequence[uuid.UUID]
) -> list[dict[str, Any]]:
    """Of incidents with very many groups: these, and of each one more that has alerts, if any."""
    tenants, ids = _columns(keys)
    return tx.rows(FEW, {"tenants": tenants, "ids": ids, "mine": list(mine)}) if keys else []


def heard_of(tx: Transaction, keys: Sequence[IncidentKey]) -> list[dict[str, Any]]:
    """For each incident and integration how bad the worst was that any of its groups told."""
    return tx.rows(HEARD, _columns(keys)) if keys else []


def logs_of(tx: Transaction, keys: Sequence[IncidentKey]) -> list[dict[str, Any]]:
    """What their groups told about these incidents, the longest in it first."""
    return tx.rows(LOGS, _columns(keys)) if keys else []


def pages_of(tx: Transaction, keys: Sequence[IncidentKey]) -> list[dict[str, Any]]:
    """For each incident and integration whether a page arrived, and whether one is coming."""
    if not keys:
        return []
    return tx.rows(PAGES, [*_columns(keys), list(PAGING)]) + tx.rows(CHAINS, _columns(keys))


def join(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Put groups into incidents, out of those they were in.

    {tenant, incident_id, group_id, reason, confidence, detail, facts}; the caller holds the groups.
    """
    tx.many(LEAVE, items, {"now": tx.now})
    tx.many(JOIN, items, {"now": tx.now})


def leave(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Take groups {tenant, group_id} out of the incidents they are in."""
    tx.many(LEAVE, items, {"now": tx.now})


def note(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Keep what rules compare of groups: {tenant, group_id, facts}."""
    tx.many(NOTE, items)


def _columns(keys: Sequence[tuple[int, uuid.UUID]]) -> list[Any]:
    return [[tenant for tenant, _ in keys], [id for _, id in keys]]
