"""Storms: the count of new alerts, storms under way, what is in them and who heard of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from tocsin.domain import storms as rules
from tocsin.storage.groups import GroupKey
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

Row = dict[str, Any]

#: The timer of a storm: its beginning, its intervals, its end. Its subject is the storm.
TIMER = "storm"

METER = """
INSERT INTO storm_meter (tenant, at, level, loud_at, since, alerts, labels)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, at timestamptz, level float8,
  loud_at timestamptz, since timestamptz, alerts bigint, labels text) ORDER BY tenant
ON CONFLICT (tenant) DO UPDATE SET at = excluded.at, level = excluded.level,
  loud_at = excluded.loud_at, since = excluded.since, alerts = excluded.alerts,
  labels = excluded.labels
"""
#: Who comes second waits for the first, and then sees what that counted.
MAKE = """
INSERT INTO storm_meter (tenant, at, level, alerts)
SELECT k, %s::timestamptz, 0, 0 FROM unnest(%s::bigint[]) AS k ORDER BY k ON CONFLICT DO NOTHING
"""
METERS = """
SELECT m.*, EXISTS (SELECT 1 FROM storm s WHERE s.tenant = m.tenant AND s.ended_at IS NULL)
  AS under_way
FROM storm_meter m WHERE m.tenant = ANY(%s) ORDER BY m.tenant FOR UPDATE OF m
"""
BEGIN = """
INSERT INTO storm (tenant, id, began_at, due_at, alerts)
SELECT tenant, id, %(now)s, %(now)s, 0 FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, id uuid)
ORDER BY tenant ON CONFLICT DO NOTHING RETURNING tenant, id
"""
HOLD = """
SELECT s.*, ARRAY(SELECT t.receiver FROM storm_told t WHERE t.tenant = s.tenant
  AND t.storm_id = s.id) AS told
FROM storm s WHERE s.tenant = ANY(%s) AND s.ended_at IS NULL ORDER BY s.tenant FOR UPDATE OF s
"""
PLACES = """
SELECT g.tenant, g.group_id, g.passed_at, g.promoted_at FROM storm_group g
JOIN unnest(%s::bigint[], %s::uuid[], %s::uuid[]) AS k (tenant, storm_id, group_id)
  ON g.tenant = k.tenant AND g.storm_id = k.storm_id AND g.group_id = k.group_id
"""
COUNT = """
INSERT INTO storm_group (tenant, storm_id, group_id, alerts, passed_at)
SELECT tenant, storm_id, group_id, alerts, CASE WHEN passed THEN %(now)s::timestamptz END
FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, storm_id uuid, group_id uuid, alerts bigint, passed boolean)
ORDER BY tenant, storm_id, group_id
ON CONFLICT (tenant, storm_id, group_id) DO UPDATE SET
  alerts = storm_group.alerts + excluded.alerts,
  passed_at = coalesce(storm_group.passed_at, excluded.passed_at)
"""
INCIDENT = """
UPDATE storm s SET incident_id = r.incident_id
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, incident_id uuid)
WHERE s.tenant = r.tenant AND s.id = r.id
"""
#: Storms of these incidents of which something is left to tell are looked at now.
WAKE = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT s.tenant, 'storm', s.id::text, %s FROM storm s
JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON s.tenant = k.tenant AND s.incident_id = k.id
WHERE s.closed_at IS NULL ORDER BY s.tenant, s.id::text
ON CONFLICT (tenant, kind, subject) DO UPDATE SET due_at = excluded.due_at
WHERE excluded.due_at < timer.due_at
"""
#: By receiver how many of its alerts were folded, in how many groups, and what it heard.
LISTENERS = """
SELECT f.receiver, f.folded, f.groups, f.route, t.group_id, t.told_at, t.alerts AS heard, t.times,
  t.shown
FROM (SELECT a.receiver, sum(g.alerts)::bigint AS folded, count(*) AS groups, min(a.route) AS route
      FROM storm_group g JOIN alert_group a ON a.tenant = g.tenant AND a.id = g.group_id
      WHERE g.tenant = %(tenant)s AND g.storm_id = %(storm)s AND g.alerts > 0
      GROUP BY a.receiver) f
LEFT JOIN storm_told t ON t.tenant = %(tenant)s AND t.storm_id = %(storm)s
  AND t.receiver = f.receiver
ORDER BY f.groups DESC, f.receiver
"""
TELL = """
INSERT INTO storm_told (tenant, storm_id, receiver, group_id, told_at, times, alerts, shown)
SELECT tenant, storm_id, receiver, group_id, %(now)s, 1, alerts, shown
FROM json_to_recordset(%(items)s) AS r (tenant bigint, storm_id uuid, receiver text, group_id uuid,
  alerts bigint, shown int)
ORDER BY tenant, storm_id, receiver
ON CONFLICT (tenant, storm_id, receiver) DO UPDATE SET told_at = excluded.told_at,
  times = storm_told.times + 1, alerts = excluded.alerts, shown = excluded.shown
"""
#: What still fires of what was folded for a receiver: the worst first.
FIRING = """
SELECT DISTINCT ON (m.fingerprint) m.fingerprint, a.status, a.severity, a.labels, a.added, a.ruled,
  a.annotations, a.extra, a.generator_url, a.starts_at, a.ends_at
FROM storm_group g JOIN alert_group r ON r.tenant = g.tenant AND r.id = g.group_id
JOIN group_member m ON m.tenant = g.tenant AND m.group_id = g.group_id AND m.muted_by IS NULL
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint AND a.status = 'firing'
WHERE g.tenant = %s AND g.storm_id = %s AND r.receiver = %s AND g.alerts > 0
"""
GROUPS = """
SELECT g.group_id, a.labels, a.receiver, a.route, g.alerts, g.passed_at, g.promoted_at,
  g.promoted_by, a.active, m.incident_id, i.state,
  (SELECT count(*) FROM group_member n JOIN alert x ON x.tenant = n.tenant
     AND x.fingerprint = n.fingerprint AND x.status = 'firing'
   WHERE n.tenant = g.tenant AND n.group_id = g.group_id) AS firing
FROM (SELECT * FROM storm_group WHERE tenant = %(tenant)s AND storm_id = %(storm)s
      ORDER BY passed_at IS NULL, alerts DESC, group_id LIMIT %(limit)s) g
JOIN alert_group a ON a.tenant = g.tenant AND a.id = g.group_id
LEFT JOIN incident_group m ON m.tenant = g.tenant AND m.group_id = g.group_id AND m.left_at IS NULL
LEFT JOIN incident i ON i.tenant = m.tenant AND i.id = m.incident_id
ORDER BY g.passed_at IS NULL, g.alerts DESC, g.group_id
"""
#: A storm with its numbers as they are now.
SELECT = """
SELECT s.tenant, s.id, s.began_at, s.ended_at, s.ended_by, s.digest_at, s.closed_at, s.due_at,
  s.incident_id, i.state, i.severity, i.acknowledged_by, i.generation, m.loud_at,
  CASE WHEN s.ended_at IS NULL THEN coalesce(m.since, s.began_at) ELSE s.since END AS since,
  CASE WHEN s.ended_at IS NULL THEN coalesce(m.alerts, 0) ELSE s.alerts END AS alerts,
  CASE WHEN s.ended_at IS NULL THEN coalesce(m.labels, '[]') ELSE s.labels END AS labels,
  g.groups, g.folded, g.passed
FROM storm s LEFT JOIN storm_meter m ON m.tenant = s.tenant
LEFT JOIN incident i ON i.tenant = s.tenant AND i.id = s.incident_id
CROSS JOIN LATERAL (
  SELECT count(*) AS groups, coalesce(sum(x.alerts), 0)::bigint AS folded,
    count(x.passed_at) AS passed
  FROM storm_group x WHERE x.tenant = s.tenant AND x.storm_id = s.id) g
WHERE s.tenant = %s
"""
UNTELL = """
UPDATE told SET firing = '{}', resolved = '{}', held = '{}', carried = false
WHERE tenant = %s AND group_id = %s
"""


def lock_meters(tx: Transaction, tenants: Sequence[int]) -> dict[int, Row]:
    """The meters of these tenants, locked to the end of the transaction."""
    tx.run(MAKE, [tx.now, list(tenants)])
    return {row["tenant"]: row for row in tx.rows(METERS, [list(tenants)])}


def meter(row: Row) -> rules.Meter:
    """A meter as the rules think of it."""
    return rules.Meter(
        row["at"], row["level"], row["loud_at"], row["since"], row["alerts"], pairs(row["labels"])
    )


def pairs(text: str) -> dict[rules.Pair, int]:
    """How many alerts have which label with which value."""
    return {(name, value): n for name, value, n in orjson.loads(text)}


def write_meters(tx: Transaction, items: dict[int, rules.Meter]) -> None:
    tx.many(METER, [
        {"tenant": tenant, "at": one.at, "level": one.level, "loud_at": one.loud_at,
         "since": one.since, "alerts": one.alerts, "labels": stored(one.pairs)}
        for tenant, one in sorted(items.items())
    ])  # fmt: skip


def stored(counted: Any) -> str:
    """The same as the record keeps it."""
    return orjson.dumps([[*pair, n] for pair, n in counted.items()]).decode()


def begin(tx: Transaction, items: Sequence[Row]) -> list[Row]:
    """Begin storms {tenant, id}; the caller holds the meters. Returns those that are new."""
    return tx.many(BEGIN, items, {"now": tx.now})


def hold(tx: Transaction, tenants: Sequence[int]) -> dict[int, Row]:
    """The storms under way of these tenants, locked; `told` are the receivers that heard of it."""
    return {row["tenant"]: row for row in tx.rows(HOLD, [list(tenants)])}


def places(
    tx: Transaction, keys: Sequence[tuple[int, uuid.UUID, uuid.UUID]]
) -> dict[GroupKey, Row]:
    """What is known of groups (tenant, storm, group) in storms."""
    columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
    return {(row["tenant"], row["group_id"]): row for row in tx.rows(PLACES, columns)}


def count(tx: Transaction, items: Sequence[Row]) -> None:
    """Add {tenant, storm_id, group_id, alerts, passed}; the caller holds the groups."""
    tx.many(COUNT, items, {"now": tx.now})


def opened(tx: Transaction, items: Sequence[Row]) -> None:
    """Give locked storms their incident: {tenant, id, incident_id}."""
    tx.many(INCIDENT, items)


def wake(tx: Transaction, keys: Sequence[IncidentKey]) -> None:
    """Have the storms of these incidents looked at now. Ring `digest` after the commit."""
    if keys:
        tx.run(WAKE, [tx.now, [tenant for tenant, _ in keys], [id for _, id in keys]])


def lock_one(tx: Transaction, tenant: int, storm: uuid.UUID) -> Row | None:
    """One storm, under way or not, locked."""
    tx.rows("SELECT 1 FROM storm WHERE tenant = %s AND id = %s FOR UPDATE", [tenant, storm])
    return one(tx, tenant, storm)


def one(tx: Transaction, tenant: int, storm: uuid.UUID) -> Row | None:
    """One storm with its numbers as they are now."""
    return tx.row(SELECT + " AND s.id = %s", [tenant, storm])


def listed(
    tx: Transaction, tenant: int, *, after: uuid.UUID | None = None, limit: int,
    left: bool = False,
) -> list[Row]:  # fmt: skip
    """The newest storms, under way or not; `left`: those of which something is left."""
    sql = SELECT + (" AND s.closed_at IS NULL" if left else "")
    params: list[Any] = [tenant]
    if after is not None:
        sql, params = sql + " AND s.id < %s", [tenant, after]
    return tx.rows(sql + " ORDER BY s.id DESC LIMIT %s", [*params, limit])


def current(tx: Transaction, tenant: int) -> Row | None:
    """The storm that is under way."""
    return tx.row(SELECT + " AND s.ended_at IS NULL", [tenant])


def under_way(tx: Transaction) -> set[int]:
    """The tenants, of those that are seen here, in which a storm is under way."""
    return {row["tenant"] for row in tx.rows("SELECT tenant FROM storm WHERE ended_at IS NULL")}


def listeners(tx: Transaction, row: Row) -> list[Row]:
    """Whose alerts were folded, who has most of its groups first."""
    return tx.rows(LISTENERS, {"tenant": row["tenant"], "storm": row["id"]})


def tell(tx: Transaction, items: Sequence[Row]) -> None:
    """Note what receivers hear: {tenant, storm_id, receiver, group_id, alerts, shown}."""
    tx.many(TELL, items, {"now": tx.now})


def shown(tx: Transaction, row: Row, receiver: str, generation: int) -> None:
    """Note that a receiver was shown what people did."""
    tx.run(
        "UPDATE storm_told SET shown = %s WHERE tenant = %s AND storm_id = %s AND receiver = %s",
        [generation, row["tenant"], row["id"], receiver],
    )


def firing(tx: Transaction, row: Row, receiver: str, limit: int) -> tuple[list[Row], int]:
    """What still fires of what was folded for a receiver, the worst first, and how many in all."""
    found = tx.rows(
        f"SELECT *, count(*) OVER () AS total FROM ({FIRING}) f ORDER BY array_position("
        "ARRAY['critical', 'error', 'warning', 'info', 'none'], severity), starts_at, fingerprint"
        " LIMIT %s",
        [row["tenant"], row["id"], receiver, limit],
    )
    return found, found[0]["total"] if found else 0


def groups(tx: Transaction, row: Row, limit: int) -> list[Row]:
    """The groups of a storm: what passed first, then those with most alerts."""
    return tx.rows(GROUPS, {"tenant": row["tenant"], "storm": row["id"], "limit": limit})


def write(tx: Transaction, row: Row) -> None:
    """Store how far a locked storm is: when it ended, was told and is looked at, its numbers."""
    tx.run(
        "UPDATE storm SET ended_at = %s, ended_by = %s, digest_at = %s, closed_at = %s,"
        " due_at = %s, since = %s, alerts = %s, labels = %s WHERE tenant = %s AND id = %s",
        [row["ended_at"], row["ended_by"], row["digest_at"], row["closed_at"], row["due_at"],
         row["since"], row["alerts"], row["labels"], row["tenant"], row["id"]],
    )  # fmt: skip


def promote(tx: Transaction, row: Row, group: uuid.UUID, by: str) -> bool:
    """Take a locked group out of the storm: it speaks for itself. False where it is not in it."""
    key = [row["tenant"], row["id"], group]
    found = tx.run(
        "UPDATE storm_group SET promoted_at = %s, promoted_by = %s"
        " WHERE tenant = %s AND storm_id = %s AND group_id = %s",
        [tx.now, by, *key],
    )
    tx.run(UNTELL, [row["tenant"], group])
    return bool(found)


def passed_incidents(tx: Transaction, row: Row, limit: int) -> list[IncidentKey]:
    """The open incidents of groups whose critical alerts were told beside the storm."""
    found = tx.rows(
        "SELECT DISTINCT i.tenant, i.id FROM storm_group g JOIN incident_group m"
        "  ON m.tenant = g.tenant AND m.group_id = g.group_id AND m.left_at IS NULL"
        " JOIN incident i ON i.tenant = m.tenant AND i.id = m.incident_id AND i.state = 'open'"
        " WHERE g.tenant = %s AND g.storm_id = %s AND g.passed_at IS NOT NULL"
        " ORDER BY i.tenant, i.id LIMIT %s",
        [row["tenant"], row["id"], limit],
    )
    return [(each["tenant"], each["id"]) for each in found]


def anything_active(tx: Transaction, row: Row) -> bool:
    """Whether a group of its incident has alerts."""
    return bool(tx.rows(
        "SELECT 1 FROM incident_group m JOIN alert_group g ON g.tenant = m.tenant"
        " AND g.id = m.group_id AND g.active WHERE m.tenant = %s AND m.incident_id = %s"
        " AND m.left_at IS NULL LIMIT 1",
        [row["tenant"], row["incident_id"]],
    ))  # fmt: skip
