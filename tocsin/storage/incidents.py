"""Incidents: what people acknowledge and resolve."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from tocsin import errors
from tocsin.storage import deliveries, groups, timelines, timers
from tocsin.storage.record import Transaction

LATEST = """
SELECT DISTINCT ON (i.tenant, i.group_id) i.* FROM incident i
JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id) ON i.tenant = k.tenant AND i.group_id = k.id
ORDER BY i.tenant, i.group_id, i.opened_at DESC, i.id DESC
"""
WRITE = """
INSERT INTO incident (tenant, id, group_id, title, severity, state, generation, opened_at,
  acknowledged_at, acknowledged_by, resolved_at, resolved_by)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, group_id uuid, title text,
  severity text, state text, generation int, opened_at timestamptz, acknowledged_at timestamptz,
  acknowledged_by text, resolved_at timestamptz, resolved_by text)
ORDER BY tenant, id
ON CONFLICT (tenant, id) DO UPDATE SET title = excluded.title, severity = excluded.severity,
  state = excluded.state, generation = excluded.generation,
  acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
  resolved_at = excluded.resolved_at, resolved_by = excluded.resolved_by
"""


def latest(tx: Transaction, keys: Sequence[groups.GroupKey]) -> dict[groups.GroupKey, Any]:
    """The newest incident of each of these groups, which the caller has locked."""
    found = tx.rows(LATEST, [[tenant for tenant, _ in keys], [group for _, group in keys]])
    return {(row["tenant"], row["group_id"]): row for row in found}


def write(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
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


def acknowledge(
    tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = ""
) -> dict[str, Any]:
    """Somebody has it: nothing that was planned before is begun any more.

    Acknowledging twice changes nothing. Raises NotFound, and Conflict for a resolved incident.
    """
    row = _locked(tx, tenant, incident)
    if row["state"] == "resolved":
        raise errors.Conflict("this incident is resolved already; there is nothing to acknowledge")
    if row["state"] == "acknowledged":
        return row
    changed = {**row, "state": "acknowledged", "acknowledged_at": tx.now, "acknowledged_by": by}
    return _act(tx, changed, "acknowledged", by, note)


def resolve(
    tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = ""
) -> dict[str, Any]:
    """Somebody says it is over. Alerts that go on firing speak again when they repeat or change.

    Resolving twice changes nothing. Raises NotFound.
    """
    row = _locked(tx, tenant, incident)
    if row["state"] == "resolved":
        return row
    changed = {**row, "state": "resolved", "resolved_at": tx.now, "resolved_by": by}
    return _act(tx, changed, "resolved", by, note)


def close(tx: Transaction, tenant: int, group: uuid.UUID, why: str) -> None:
    """End the open incident of a locked group that has nothing left in it; nobody is told."""
    row = latest(tx, [(tenant, group)]).get((tenant, group))
    if row is not None and row["state"] != "resolved":
        changed = {**row, "state": "resolved", "resolved_at": tx.now, "resolved_by": why}
        _record(tx, changed, "resolved", why, "")


def _locked(tx: Transaction, tenant: int, incident: uuid.UUID) -> dict[str, Any]:
    sql = "SELECT * FROM incident WHERE tenant = %s AND id = %s"
    row = tx.row(sql, [tenant, incident])
    if row is None:
        raise errors.NotFound(f"there is no incident {incident} in this tenant")
    # The group is the mutex of all that may happen to its incident.
    groups.lock(tx, [(tenant, row["group_id"])])
    row = tx.row(sql, [tenant, incident])
    assert row is not None
    return row


def _act(tx: Transaction, row: dict[str, Any], kind: str, by: str, note: str) -> dict[str, Any]:
    row = _record(tx, row, kind, by, note)
    # The flush tells the channels that show a state what the state is now.
    timers.earlier(
        tx, "flush", [{"tenant": row["tenant"], "subject": row["group_id"], "due_at": tx.now}]
    )
    return row


def _record(tx: Transaction, row: dict[str, Any], kind: str, by: str, note: str) -> dict[str, Any]:
    """Write the act down, and withdraw the pages that were planned before it."""
    row = {**row, "generation": row["generation"] + 1}
    write(tx, [row])
    entry = {"tenant": row["tenant"], "incident_id": row["id"], "kind": kind, "actor": by}
    timelines.tell(tx, [{**entry, "detail": orjson.dumps({"note": note} if note else {}).decode()}])
    deliveries.call_off(tx, row["tenant"], row["id"], row["generation"], f"{kind} by {by}")
    return row
