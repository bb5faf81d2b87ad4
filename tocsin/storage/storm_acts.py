"""What people do to storms: take all of it, end it, or take a group out of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import orjson

from tocsin import errors
from tocsin.domain import folding
from tocsin.domain import storms as rules
from tocsin.storage import groups, incidents, memberships, storms, timelines, timers
from tocsin.storage.record import Transaction

Row = dict[str, Any]

#: Incidents that are acknowledged at once beside the one of the storm.
MOST = 500


def acknowledge(
    tx: Transaction, tenant: int, storm: uuid.UUID, by: str, note: str = "", *,
    timeout: timedelta | None = None,
) -> int:  # fmt: skip
    """Somebody has all of it: what was folded, and what passed beside it. Twice is harmless.

    Returns how many incidents that are. Raises NotFound.
    """
    row = _found(tx, tenant, storm)
    wanted = set(storms.passed_incidents(tx, row, MOST))
    if row["incident_id"] is not None:
        wanted.add((tenant, row["incident_id"]))
    locked = incidents.lock(tx, wanted)
    mine = [id for (_, id), one in sorted(locked.items()) if one["state"] != "resolved"]
    for id in mine:
        incidents.acknowledge(tx, tenant, id, by, note, timeout=timeout)
    return len(mine)


def end(tx: Transaction, tenant: int, storm: uuid.UUID, by: str) -> Row:
    """Somebody says that it is over: its digest is told now. Twice is harmless. Raises NotFound.

    The next one begins only when as many come again.
    """
    storms.lock_meters(tx, [tenant])
    row = storms.lock_one(tx, tenant, storm)
    if row is None:
        raise errors.NotFound("there is no such storm in this tenant")
    if row["ended_at"] is not None:
        return row
    storms.write(tx, {**row, "ended_at": tx.now, "ended_by": by})
    storms.write_meters(tx, {tenant: rules.Meter(tx.now)})
    timers.exactly(
        tx, storms.TIMER, [{"tenant": tenant, "subject": str(storm), "due_at": tx.now}]
    )  # fmt: skip
    return _found(tx, tenant, storm)


def promote(
    tx: Transaction, tenant: int, storm: uuid.UUID, group: uuid.UUID, by: str, note: str = ""
) -> Row:
    """Take a group out of the storm: it becomes an incident of its own and pages.

    Twice is harmless. Raises NotFound, and Conflict where nothing of it fires.
    """
    held = groups.lock(tx, [(tenant, group)]).get((tenant, group))
    row = storms.lock_one(tx, tenant, storm)
    if row is None:
        raise errors.NotFound("there is no such storm in this tenant")
    place = storms.places(tx, [(tenant, storm, group)]).get((tenant, group))
    if held is None or place is None:
        raise errors.NotFound(
            f"this storm has no group {group}; `group_list` of the storm has those there are"
        )
    if place["promoted_at"] is not None:
        return row
    if not any(one["status"] == "firing" for one in groups.with_alerts(tx, [(tenant, group)])):
        raise errors.Conflict("nothing of this group fires any more: there is nothing to tell")
    storms.promote(tx, row, group, by)
    _take_out(tx, row, held, by, note)
    timers.earlier(tx, "flush", [{"tenant": tenant, "subject": group, "due_at": tx.now}])
    return _found(tx, tenant, storm)


def _take_out(tx: Transaction, row: Row, group: Row, by: str, note: str) -> None:
    """Out of the incident of the storm, if it is in that; the flush opens one of its own."""
    key = (row["tenant"], group["id"])
    member = memberships.of(tx, [key]).get(key)
    if member is None or member["reason"] != folding.STORM:
        return
    incident = incidents.held(tx, row["tenant"], member["incident_id"])
    detail = {"group_labels": orjson.loads(group["labels"]), **({"note": note} if note else {})}
    timelines.tell(tx, [incidents.entry(incident, "promoted", by, detail)])
    memberships.leave(tx, [{"tenant": row["tenant"], "group_id": group["id"]}])
    storms.wake(tx, [(row["tenant"], incident["id"])])


def _found(tx: Transaction, tenant: int, storm: uuid.UUID) -> Row:
    row = storms.one(tx, tenant, storm)
    if row is None:
        raise errors.NotFound("there is no such storm in this tenant")
    return row
