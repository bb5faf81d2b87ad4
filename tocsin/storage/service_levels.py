"""Clocks of service levels: what they are counted from, and what was found."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin.storage import labels
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

TIMER = "level"
#: Of so many past incidents of a severity it is told how long they took.
PAST = 500

Row = dict[str, Any]

WAKE = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, 'level', id::text, %(now)s FROM incident
WHERE tenant = %(tenant)s AND state <> 'resolved' ORDER BY tenant, id::text
ON CONFLICT (tenant, kind, subject) DO UPDATE SET due_at = excluded.due_at
WHERE excluded.due_at < timer.due_at
"""
STORIES = """
SELECT t.tenant, t.incident_id, t.at, t.kind FROM timeline t
JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON t.tenant = k.tenant AND t.incident_id = k.id
ORDER BY t.tenant, t.incident_id, t.id
"""
SERVICE = labels.value("a", "k.label")
#: `label` is the one that names services in that tenant.
SCENES = f"""
SELECT m.tenant, m.incident_id, g.receiver, g.labels,
  ARRAY(SELECT DISTINCT {SERVICE} FROM group_member b
        JOIN alert a ON a.tenant = b.tenant AND a.fingerprint = b.fingerprint
        WHERE b.tenant = m.tenant AND b.group_id = m.group_id AND {SERVICE} <> '') AS services
FROM incident_group m
JOIN unnest(%s::bigint[], %s::uuid[], %s::text[]) AS k (tenant, id, label)
  ON m.tenant = k.tenant AND m.incident_id = k.id
JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id
"""
WRITE = """
INSERT INTO service_level (tenant, incident_id, clock, target, services, policy_version,
  started_at, due_at, stopped_at, breached_at, breaches, warned_at, told)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, incident_id uuid, clock text,
  target text, services text[], policy_version int, started_at timestamptz, due_at timestamptz,
  stopped_at timestamptz, breached_at timestamptz, breaches int, warned_at timestamptz, told text)
ORDER BY tenant, incident_id, clock
ON CONFLICT (tenant, incident_id, clock) DO UPDATE SET target = excluded.target,
  services = excluded.services, policy_version = excluded.policy_version,
  started_at = excluded.started_at, due_at = excluded.due_at, stopped_at = excluded.stopped_at,
  breached_at = excluded.breached_at, breaches = excluded.breaches,
  warned_at = excluded.warned_at, told = excluded.told
"""
DROP = """
DELETE FROM service_level s
USING json_to_recordset(%(items)s) AS r (tenant bigint, incident_id uuid, clock text)
WHERE s.tenant = r.tenant AND s.incident_id = r.incident_id AND s.clock = r.clock
"""


def wake_all(tx: Transaction, tenant: int) -> None:
    """Look at the clocks of everything that is not over: the policy is another one."""
    tx.run(WAKE, {"tenant": tenant, "now": tx.now})


def of(tx: Transaction, keys: Sequence[IncidentKey]) -> list[Row]:
    """The clocks of these incidents as they were left."""
    return tx.rows(
        "SELECT s.* FROM service_level s JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)"
        " ON s.tenant = k.tenant AND s.incident_id = k.id"
        " ORDER BY s.tenant, s.incident_id, s.clock",
        _split(keys),
    )


def stories(tx: Transaction, keys: Sequence[IncidentKey]) -> list[Row]:
    """What happened to these incidents, each in order."""
    return tx.rows(STORIES, _split(keys))


def scenes(tx: Transaction, keys: Sequence[tuple[int, uuid.UUID, str]]) -> list[Row]:
    """The groups that these incidents had, with the services of the alerts that are in them.

    The third of each key is the label that names services.
    """
    columns = list(map(list, zip(*keys, strict=True))) if keys else [[], [], []]
    return tx.rows(SCENES, columns)


def write(tx: Transaction, items: Sequence[Row]) -> None:
    """Store clocks whole."""
    tx.many(WRITE, items)


def drop(tx: Transaction, items: Sequence[Row]) -> None:
    """Forget clocks {tenant, incident_id, clock} that nothing was promised about after all."""
    tx.many(DROP, items)


def past(
    tx: Transaction, tenant: int, severity: str, clock: str, since: datetime
) -> list[tuple[datetime, datetime]]:
    """When the newest incidents of a severity opened, and were acknowledged or over first."""
    # Which of the two columns is no value of anybody's: it is chosen here.
    ended = "resolved_at" if clock == "resolve" else "least(acknowledged_at, resolved_at)"
    found = tx.rows(
        f"SELECT opened_at, {ended} AS ended FROM incident WHERE tenant = %s AND severity = %s"
        f" AND opened_at >= %s AND merged_into IS NULL AND {ended} IS NOT NULL"
        " ORDER BY opened_at DESC LIMIT %s",
        [tenant, severity, since, PAST],
    )
    return [(row["opened_at"], row["ended"]) for row in found]


def _split(keys: Sequence[IncidentKey]) -> list[list[Any]]:
    return [[tenant for tenant, _ in keys], [id for _, id in keys]]
