"""People put incidents together, or take groups out of one: correlation by hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from schemas.alert import Severity
from schemas.message import AlertView
from tocsin import errors, ids
from tocsin.domain import escalation, severity, telling
from tocsin.storage import escalations, groups, incidents, labels, memberships, timelines
from tocsin.storage.record import Transaction

Row = dict[str, Any]

#: The lines of what is not sent yet follow their incident; what it was told of it too.
MOVE_TOLD = """
UPDATE told SET incident_id = %s WHERE tenant = %s AND incident_id = %s AND group_id = ANY(%s)
"""
MOVE_DELIVERIES = """
UPDATE delivery d SET incident_id = %s, generation = %s FROM notification n
WHERE n.tenant = d.tenant AND n.id = d.notification_id AND d.tenant = %s AND d.incident_id = %s
  AND d.state IN ('pending', 'sending') AND d.group_id = ANY(%s) AND n.group_id = ANY(%s)
"""
REFS = """
SELECT t.group_id, t.integration, t.ref FROM told t
JOIN incident_group m ON m.tenant = t.tenant AND m.group_id = t.group_id
  AND m.incident_id = t.incident_id AND m.left_at IS NULL
WHERE t.tenant = %s AND t.incident_id = %s ORDER BY m.joined_at, t.group_id
"""
SET_REF = """
UPDATE told t SET ref = r.ref FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, group_id uuid, integration text, ref text)
WHERE t.tenant = r.tenant AND t.group_id = r.group_id AND t.integration = r.integration
"""


def merge(
    tx: Transaction, tenant: int, into: uuid.UUID, others: Sequence[uuid.UUID], by: str,
    note: str = "",
) -> Row:  # fmt: skip
    """Move all groups of `others` into one incident, which keeps its state; the others end.

    Twice is harmless. Raises NotFound, Conflict, and Again where a group joined meanwhile.
    """
    if into in others:
        raise errors.Conflict("an incident cannot be merged into itself: leave it out of `from`")
    rows, members = _hold(tx, tenant, [into, *others])
    target = rows[into]
    moving = [rows[id] for id in dict.fromkeys(others) if rows[id]["merged_into"] != into]
    for row in (target, *moving):
        if row["merged_into"]:
            raise errors.Conflict(
                f"the incident {row['id']} was merged into {row['merged_into']}: name that instead"
            )
        if row["state"] == "resolved":
            raise errors.Conflict(
                f"the incident {row['id']} is resolved; only incidents that are not can be merged"
            )
    if not moving:
        return target
    worst = severity.worst([target["severity"], *(row["severity"] for row in moving)])
    target = {**target, "severity": worst, "gained_at": tx.now}
    incidents.write(tx, [target])
    for row in moving:
        _absorb(tx, target, row, [m for m in members if m["incident_id"] == row["id"]], by, note)
    detail = {"from": [str(row["id"]) for row in moving], **({"note": note} if note else {})}
    timelines.tell(tx, [incidents.entry(target, "merged", by, detail)])
    incidents.wake(tx, [target])
    return target


def _absorb(tx: Transaction, target: Row, row: Row, members: list[Row], by: str, note: str) -> None:
    tenant, moved = row["tenant"], [m["group_id"] for m in members]
    if target["state"] == "open":
        where = [tenant, row["id"], moved, moved]
        tx.run(MOVE_DELIVERIES, [target["id"], target["generation"], *where])
    escalations.adopt(tx, target, row, escalation.PATIENCE)
    # What somebody has acknowledged pages nobody: what is left of the pages is withdrawn here.
    ended = {**row, "state": "resolved", "resolved_at": tx.now, "resolved_by": by,
             "merged_into": target["id"]}  # fmt: skip
    detail = {"incident": str(target["id"]), **({"note": note} if note else {})}
    incidents.record(tx, ended, "merged_into", by, detail)
    tx.run(MOVE_TOLD, [target["id"], tenant, row["id"], moved])
    came = {"incident": str(row["id"]), "by": by}
    memberships.join(tx, [_membership(m, target["id"], "merged", came) for m in members])


def split(
    tx: Transaction, tenant: int, incident: uuid.UUID, taken: Sequence[uuid.UUID], by: str,
    note: str = "",
) -> Row:  # fmt: skip
    """Take groups out into an incident of their own, which is open; returns that.

    Nobody is paged at once: they have heard of it. Its escalation goes on at its step, or begins
    again after a while where it had stopped. Raises NotFound, Conflict, and Again where a group
    joined meanwhile.
    """
    rows, members = _hold(tx, tenant, [incident])
    row = rows[incident]
    wanted = set(taken)
    moved = [m for m in members if m["group_id"] in wanted]
    stay = [m for m in members if m["group_id"] not in wanted]
    _may_split(row, wanted, moved, stay)
    made = _founded(tx, moved)
    if row["group_id"] not in {m["group_id"] for m in stay}:
        row = {**row, "group_id": stay[0]["group_id"]}
    incidents.write(tx, [row, made])
    out = [m["group_id"] for m in moved]
    tx.run(MOVE_DELIVERIES, [made["id"], 0, tenant, incident, out, out])
    _leave_threads(tx, tenant, incident, out)
    tx.run(MOVE_TOLD, [made["id"], tenant, incident, out])
    parts = [{"group_id": m["group_id"], "receiver": m["receiver"]} for m in moved]
    escalations.share(tx, row, made, parts, escalation.PATIENCE)
    came = {"incident": str(incident), "by": by}
    memberships.join(tx, [_membership(m, made["id"], "split", came) for m in moved])
    said = {"note": note} if note else {}
    there = {"incident": str(made["id"]), "groups": [str(id) for id in out], **said}
    timelines.tell(tx, [
        incidents.entry(row, "split", by, there),
        incidents.entry(made, "split_from", by, {"incident": str(incident), **said}),
    ])  # fmt: skip
    if not any(m["active"] for m in stay):
        over = {**row, "state": "resolved", "resolved_at": tx.now}
        incidents.record(tx, over, "resolved", "tocsin", {})
    incidents.wake(tx, [row, made])
    return made


def _hold(
    tx: Transaction, tenant: int, wanted: Iterable[uuid.UUID]
) -> tuple[dict[uuid.UUID, Row], list[Row]]:
    """Lock the groups of incidents and then these; raises NotFound and Again."""
    keys = [(tenant, id) for id in dict.fromkeys(wanted)]
    before = {(tenant, m["group_id"]) for m in memberships.groups_of(tx, keys)}
    groups.lock(tx, sorted(before))
    rows = {id: row for (_, id), row in incidents.lock(tx, keys).items()}
    for _, id in keys:
        if id not in rows:
            raise errors.NotFound(f"there is no incident {id} in this tenant")
    members = memberships.groups_of(tx, keys)
    if not {(tenant, m["group_id"]) for m in members} <= before:
        raise errors.Again("a group joined meanwhile; do it again")
    return rows, members


def _may_split(row: Row, wanted: set[uuid.UUID], moved: list[Row], stay: list[Row]) -> None:
    """Raises NotFound or Conflict, which say what to do."""
    if row["state"] == "resolved":
        raise errors.Conflict("this incident is resolved; only one that is not can be split")
    if missing := wanted - {m["group_id"] for m in moved}:
        named = ", ".join(sorted(map(str, missing)))
        raise errors.NotFound(f"this incident has no group {named}; `groups` lists those it has")
    if not stay:
        raise errors.Conflict("nothing would be left: take out some of its groups, not all")
    if not any(m["active"] for m in moved):
        raise errors.Conflict(
            "nothing fires in these groups any more: there is nothing to make an incident of"
        )


def _founded(tx: Transaction, moved: list[Row]) -> Row:
    """The new incident of these groups."""
    first = moved[0]
    found = groups.with_alerts(tx, [(m["tenant"], m["group_id"]) for m in moved])
    firing = [_view(row) for row in found if row["status"] == "firing"]
    return {
        "tenant": first["tenant"], "id": ids.new(tx.now), "group_id": first["group_id"],
        "title": telling.title(orjson.loads(first["labels"]), firing),
        "severity": severity.worst(view.severity for view in firing), "state": "open",
        "generation": 0, "opened_at": tx.now, "acknowledged_at": None, "acknowledged_by": None,
        "resolved_at": None, "resolved_by": None, "gained_at": tx.now, "merged_into": None,
    }  # fmt: skip


def _view(row: Row) -> AlertView:
    rank: Severity = row["severity"]
    return AlertView(
        fingerprint=row["fingerprint"],
        status=row["status"],
        labels=labels.of(row),
        annotations=orjson.loads(row["annotations"]),
        severity=rank,
        starts_at=row["starts_at"],
    )


def _leave_threads(tx: Transaction, tenant: int, incident: uuid.UUID, out: list[uuid.UUID]) -> None:
    """A message that shows the whole incident stays with it: a group that remains takes it over."""
    threads: list[Row] = []
    rows = tx.rows(REFS, [tenant, incident])
    for row in rows:
        if row["ref"] is None or row["group_id"] not in out:
            continue
        heirs = [r for r in rows if r["integration"] == row["integration"]
                 and r["group_id"] not in out]  # fmt: skip
        if heirs and all(heir["ref"] is None for heir in heirs):
            heirs[0]["ref"] = row["ref"]
            threads += [{**heirs[0], "tenant": tenant}, {**row, "tenant": tenant, "ref": None}]
    tx.many(SET_REF, threads)


def _membership(member: Row, incident: uuid.UUID, reason: str, detail: dict[str, Any]) -> Row:
    return {
        "tenant": member["tenant"], "incident_id": incident, "group_id": member["group_id"],
        "reason": reason, "confidence": 1.0, "detail": orjson.dumps(detail).decode(),
        "facts": member["facts"],
    }  # fmt: skip
