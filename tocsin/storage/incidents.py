"""Incidents: what people acknowledge and resolve.

An incident's row is the mutex of what happens to it: flushes of its groups, acts of people, merges.
It is locked after groups, and several in the order of their key.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from tocsin import errors
from tocsin.storage import deliveries, escalations, memberships, timelines, timers
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

Row = dict[str, Any]

LOCK = """
SELECT i.* FROM incident i JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON i.tenant = k.tenant AND i.id = k.id
ORDER BY i.tenant, i.id FOR UPDATE OF i
"""
WRITE = """
INSERT INTO incident (tenant, id, group_id, title, severity, state, generation, opened_at,
  acknowledged_at, acknowledged_by, resolved_at, resolved_by, gained_at, merged_into)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, group_id uuid, title text,
  severity text, state text, generation int, opened_at timestamptz, acknowledged_at timestamptz,
  acknowledged_by text, resolved_at timestamptz, resolved_by text, gained_at timestamptz,
  merged_into uuid)
ORDER BY tenant, id
ON CONFLICT (tenant, id) DO UPDATE SET group_id = excluded.group_id,
  title = excluded.title, severity = excluded.severity, state = excluded.state,
  generation = excluded.generation,
  acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
  resolved_at = excluded.resolved_at, resolved_by = excluded.resolved_by,
  gained_at = excluded.gained_at, merged_into = excluded.merged_into
"""

#: Where an incident went; a merge is never undone, so this needs no lock.
WENT = """
WITH RECURSIVE went AS (
  SELECT id, merged_into FROM incident WHERE tenant = %(tenant)s AND id = %(id)s
  UNION ALL SELECT i.id, i.merged_into FROM incident i
  JOIN went ON i.tenant = %(tenant)s AND i.id = went.merged_into)
SELECT id FROM went WHERE merged_into IS NULL
"""


def lock(tx: Transaction, keys: Iterable[IncidentKey]) -> dict[IncidentKey, Row]:
    """Lock incidents in the order of their key; those that do not exist are left out."""
    ordered = sorted(set(keys))
    if not ordered:
        return {}
    found = tx.rows(LOCK, [[tenant for tenant, _ in ordered], [id for _, id in ordered]])
    return {(row["tenant"], row["id"]): row for row in found}


def write(tx: Transaction, items: Sequence[Row]) -> None:
    """Store incidents whole."""
    tx.many(WRITE, items)


def generations(tx: Transaction, keys: Sequence[tuple[int, uuid.UUID]]) -> dict[Any, Any]:
    """Generation, state and who acknowledged, by (tenant, id)."""
    found = tx.rows(
        "SELECT i.tenant, i.id, i.generation, i.state, i.acknowledged_by, i.resolved_by"
        " FROM incident i JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)"
        " ON i.tenant = k.tenant AND i.id = k.id",
        [[tenant for tenant, _ in keys], [incident for _, incident in keys]],
    )
    return {(row["tenant"], row["id"]): row for row in found}


def acknowledge(tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "") -> Row:
    """Somebody has it: nothing that was planned before is begun any more, for none of its groups.

    Acknowledging twice changes nothing; what was merged is acknowledged where it went. Raises
    NotFound, and Conflict for a resolved incident.
    """
    row = _going_on(tx, tenant, incident)
    if row["state"] == "resolved":
        raise errors.Conflict("this incident is resolved already; there is nothing to acknowledge")
    if row["state"] == "acknowledged":
        return row
    changed = {**row, "state": "acknowledged", "acknowledged_at": tx.now, "acknowledged_by": by}
    return _act(tx, changed, "acknowledged", by, note)


def resolve(tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "") -> Row:
    """Somebody says it is over. Alerts that go on firing speak again when they repeat or change.

    Resolving twice changes nothing; what was merged is resolved where it went. Raises NotFound.
    """
    row = _going_on(tx, tenant, incident)
    if row["state"] == "resolved":
        return row
    changed = {**row, "state": "resolved", "resolved_at": tx.now, "resolved_by": by}
    return _act(tx, changed, "resolved", by, note)


def release(tx: Transaction, tenant: int, group: uuid.UUID, why: str) -> None:
    """Take a locked group that has nothing left in it out of its incident; nobody is told.

    The incident ends with the last of its groups that has something.
    """
    member = memberships.of(tx, [(tenant, group)]).get((tenant, group))
    if member is None or member["state"] == "resolved":
        return
    row = held(tx, tenant, member["incident_id"])
    if row["state"] == "resolved":
        return
    others = [m for m in memberships.groups_of(tx, [(tenant, row["id"])]) if m["group_id"] != group]
    if others:
        # What founded it is gone: the one that has been in it for longest stands for it.
        row = {**row, "group_id": others[0]["group_id"]}
    if any(other["active"] for other in others):
        write(tx, [row])
        timelines.tell(tx, [entry(row, "left", "tocsin", {"group": str(group), "note": why})])
        wake(tx, [row])
    else:
        changed = {**row, "state": "resolved", "resolved_at": tx.now, "resolved_by": why}
        record(tx, changed, "resolved", why, {})
    if others:
        memberships.leave(tx, [{"tenant": tenant, "group_id": group}])


def held(tx: Transaction, tenant: int, incident: uuid.UUID) -> Row:
    """The incident, locked. Raises NotFound."""
    row = lock(tx, [(tenant, incident)]).get((tenant, incident))
    if row is None:
        raise errors.NotFound(f"there is no incident {incident} in this tenant")
    return row


def where(tx: Transaction, tenant: int, incident: uuid.UUID) -> uuid.UUID:
    """The incident, or the one it was merged into; without a lock."""
    found = tx.rows(WENT, {"tenant": tenant, "id": incident})
    return found[0]["id"] if found else incident


def _going_on(tx: Transaction, tenant: int, incident: uuid.UUID) -> Row:
    """The incident, locked, or the one it was merged into: an old message still leads to it."""
    for found in tx.rows(WENT, {"tenant": tenant, "id": incident}):
        incident = found["id"]
    row = held(tx, tenant, incident)
    return _going_on(tx, tenant, incident) if row["merged_into"] else row


def wake(tx: Transaction, rows: Sequence[Row]) -> None:
    """Let all groups of locked incidents flush: channels that show a state show what it is now."""
    members = memberships.groups_of(tx, [(row["tenant"], row["id"]) for row in rows])
    timers.earlier(
        tx, "flush",
        [{"tenant": m["tenant"], "subject": m["group_id"], "due_at": tx.now} for m in members],
    )  # fmt: skip


def entry(row: Row, kind: str, by: str, detail: dict[str, Any]) -> Row:
    """A line of the incident's story."""
    return {"tenant": row["tenant"], "incident_id": row["id"], "kind": kind, "actor": by,
            "detail": orjson.dumps(detail).decode()}  # fmt: skip


def record(tx: Transaction, row: Row, kind: str, by: str, detail: dict[str, Any]) -> Row:
    """Write an act down, and withdraw the pages that were planned before it."""
    row = {**row, "generation": row["generation"] + 1}
    write(tx, [row])
    deliveries.call_off(tx, row["tenant"], row["id"], row["generation"], f"{kind} by {by}")
    escalations.stop(tx, row, f"{kind} by {by}")
    timelines.tell(tx, [entry(row, kind, by, detail)])
    return row


def _act(tx: Transaction, row: Row, kind: str, by: str, note: str) -> Row:
    row = record(tx, row, kind, by, {"note": note} if note else {})
    wake(tx, [row])
    return row
