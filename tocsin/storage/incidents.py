"""Incidents: what people acknowledge and resolve.

An incident's row is the mutex of what happens to it: flushes of its groups, acts of people, merges.
It is locked after groups, and several in the order of their key.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from tocsin import errors
from tocsin.domain import folding
from tocsin.domain import incidents as rules
from tocsin.storage import deliveries, escalations, memberships, storms, timelines, timers
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

#: Beside the rest, which flushes write: these are of acts alone.
WRITE_ACT = """
UPDATE incident SET reopened_at = %s, reopens_at = %s, snoozed = %s, handed_by = %s
WHERE tenant = %s AND id = %s
"""
#: Whether an alert in one of its groups fires, be it muted.
FIRES = """
SELECT 1 FROM incident_group g
JOIN group_member m ON m.tenant = g.tenant AND m.group_id = g.group_id
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint AND a.status = 'firing'
WHERE g.tenant = %s AND g.incident_id = %s AND g.left_at IS NULL LIMIT 1
"""
#: The kinds of the timers whose subject is an incident.
SNOOZE, HANDOVER = "snooze", "handover"
_NOBODYS = {"reopens_at": None, "snoozed": False, "handed_by": None}

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


def acknowledge(
    tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "", *,
    timeout: timedelta | None = None,
) -> Row:  # fmt: skip
    """Somebody has it: nothing that was planned before is begun any more, for none of its groups.

    With `timeout` it opens again unless it is resolved until then. Acknowledging twice changes
    nothing, but it ends a snooze, and answers who handed it over; what was merged is acknowledged
    where it went. Raises NotFound, and Conflict for a resolved incident.
    """
    row = _going_on(tx, tenant, incident)
    state = rules.after(row["state"], "acknowledge")
    answers = row["handed_by"] is not None and row["acknowledged_by"] == by
    if row["state"] == state and not row["snoozed"] and not answers:
        return row
    return _have(tx, row, "acknowledged", by, {"note": note}, _later(tx, timeout))


def unacknowledge(
    tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = ""
) -> Row:
    """Nobody has it any more: it is open, who was told is told again, escalations begin anew.

    Twice is harmless. Raises NotFound, and Conflict for a resolved incident.
    """
    row = _going_on(tx, tenant, incident)
    state = rules.after(row["state"], "unacknowledge")
    return row if row["state"] == state else _open(tx, row, "unacknowledged", by, note)


def resolve(tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "") -> Row:
    """Somebody says it is over. Alerts that go on firing speak again when they repeat or change.

    Resolving twice changes nothing; what was merged is resolved where it went. Raises NotFound.
    """
    row = _going_on(tx, tenant, incident)
    state = rules.after(row["state"], "resolve")
    if row["state"] == state:
        return row
    changed = {**row, **_NOBODYS, "state": state, "resolved_at": tx.now, "resolved_by": by}
    return _act(tx, changed, "resolved", by, {"note": note})


def reopen(tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "") -> Row:
    """It is not over: those of its groups that fire speak again.

    Twice is harmless. Raises NotFound, and Conflict where somebody has it or nothing of it fires:
    it would end at once.
    """
    row = _going_on(tx, tenant, incident)
    state = rules.after(row["state"], "reopen")
    if row["state"] == state:
        return row
    if not tx.rows(FIRES, [tenant, row["id"]]):
        raise errors.Conflict(
            "nothing of this incident fires any more, so it would end at once. Alerts that come"
            " back open it again, or a new one; what fires now is in `tocsin incident list`"
        )
    return _open(tx, row, "reopened_by", by, note)


def hand_over(
    tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "", *,
    to: str, timeout: timedelta | None = None,
) -> Row:  # fmt: skip
    """Let the person `to` have it; `to` is paged. Ring `hand_over` after the commit.

    Twice is harmless, and so is handing it to who has it. Whoever hands it to themselves has it,
    whoever had it before. Raises NotFound, and Conflict for a resolved incident.
    """
    row = _going_on(tx, tenant, incident)
    if to == by and row["acknowledged_by"] in (None, by):
        return acknowledge(tx, tenant, row["id"], by, note, timeout=timeout)
    state = rules.after(row["state"], "hand_over")
    if to == by:
        before = {"before": row["acknowledged_by"], "note": note}
        return _have(tx, row, "taken_over", by, before, _later(tx, timeout))
    if row["state"] == state and row["acknowledged_by"] == to and not row["snoozed"]:
        return row
    row = _have(tx, row, "handed_over", by, {"to": to, "note": note}, _later(tx, timeout))
    due = {"tenant": tenant, "subject": row["id"], "due_at": tx.now}
    timers.exactly(tx, HANDOVER, [due])
    return row


def snooze(
    tx: Transaction, tenant: int, incident: uuid.UUID, by: str, note: str = "", *,
    lasts: timedelta,
) -> Row:  # fmt: skip
    """Somebody has it for a while; then it is open again, unless somebody acts before.

    The last of two snoozes counts. Raises NotFound, Invalid, and Conflict for a resolved incident.
    """
    rules.check_snooze(lasts)
    row = _going_on(tx, tenant, incident)
    rules.after(row["state"], "snooze")
    return _have(tx, row, "snoozed", by, {"note": note}, tx.now + lasts)


def opens_again(tx: Transaction, rows: Sequence[Row]) -> list[Row]:
    """Of locked incidents open those again whose time has come; returns these."""
    due = [row for row in rows if row["state"] == "acknowledged"
           and row["reopens_at"] is not None and row["reopens_at"] <= tx.now]  # fmt: skip
    return [_open(tx, row, "woke" if row["snoozed"] else "lapsed", "tocsin", "") for row in due]


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


def unanswered(tx: Transaction, pages: Iterable[Row]) -> dict[IncidentKey, Row]:
    """The incidents, locked, that some of these deliveries give to who has not answered since.

    Ask before the deliveries are touched: they are locked after their incidents.
    """
    given = [page for page in pages if page["person"] is not None and page["facts"] is None]
    locked = lock(tx, [(page["tenant"], page["incident_id"]) for page in given])
    generations = {(page["tenant"], page["incident_id"], page["generation"]) for page in given}
    return {
        key: row
        for key, row in locked.items()
        if row["handed_by"]
        and row["state"] == "acknowledged"
        and (*key, row["generation"]) in generations
    }


def give_back(tx: Transaction, row: Row) -> Row:
    """Whoever was given this locked incident cannot be told any more: it is open again."""
    return _open(tx, row, "unreachable", "tocsin", "")


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
    """Let all groups of locked incidents flush: channels that show a state show what it is now.

    Of those that a storm folded, which may be thousands, one for each receiver; its own messages
    are changed when it is looked at.
    """
    keys = [(row["tenant"], row["id"]) for row in rows]
    stand: dict[Any, Row] = {}
    for m in memberships.groups_of(tx, keys):
        of = (m["incident_id"], m["receiver"]) if m["reason"] == folding.STORM else m["group_id"]
        if m["reason"] != folding.LINE:
            stand.setdefault(of, m)
    timers.earlier(
        tx, "flush",
        [{"tenant": m["tenant"], "subject": m["group_id"], "due_at": tx.now}
         for m in stand.values()],
    )  # fmt: skip
    storms.wake(tx, keys)


def entry(row: Row, kind: str, by: str, detail: dict[str, Any]) -> Row:
    """A line of the incident's story."""
    return {"tenant": row["tenant"], "incident_id": row["id"], "kind": kind, "actor": by,
            "detail": orjson.dumps(detail).decode()}  # fmt: skip


def record(tx: Transaction, row: Row, kind: str, by: str, detail: dict[str, Any]) -> Row:
    """Write an act down, and withdraw the pages that were planned before it."""
    row = {**row, "generation": row["generation"] + 1}
    write(tx, [row])
    acted = [row["reopened_at"], row["reopens_at"], row["snoozed"], row["handed_by"]]
    tx.run(WRITE_ACT, [*acted, row["tenant"], row["id"]])
    deliveries.call_off(tx, row["tenant"], row["id"], row["generation"], f"{kind} by {by}")
    escalations.stop(tx, row, f"{kind} by {by}")
    timelines.tell(tx, [entry(row, kind, by, {k: v for k, v in detail.items() if v})])
    return row


def _have(
    tx: Transaction, row: Row, kind: str, by: str, detail: dict[str, Any], until: datetime | None
) -> Row:
    """Somebody has it from now on, until then if it is not resolved before."""
    handed = kind == "handed_over"
    row = {**row, "state": "acknowledged", "acknowledged_at": tx.now,
           "acknowledged_by": detail["to"] if handed else by, "handed_by": by if handed else None,
           "reopens_at": until, "snoozed": kind == "snoozed"}  # fmt: skip
    if until is not None:
        due = {"tenant": row["tenant"], "subject": row["id"], "due_at": until}
        timers.exactly(tx, SNOOZE, [due])
        detail = {**detail, "until": until.isoformat()}
    return _act(tx, row, kind, by, detail)


def _later(tx: Transaction, lasts: timedelta | None) -> datetime | None:
    return tx.now + lasts if lasts is not None else None


def _open(tx: Transaction, row: Row, kind: str, by: str, note: str) -> Row:
    """Nobody has it and it is not over: who was told is told again, escalations begin anew."""
    changed = {**row, **_NOBODYS, "state": "open", "reopened_at": tx.now,
               "acknowledged_at": None, "acknowledged_by": None,
               "resolved_at": None, "resolved_by": None}  # fmt: skip
    row = _act(tx, changed, kind, by, {"note": note})
    escalations.restart(tx, row, by)
    return row


def _act(tx: Transaction, row: Row, kind: str, by: str, detail: dict[str, Any]) -> Row:
    row = record(tx, row, kind, by, detail)
    wake(tx, [row])
    return row
