"""What the API reads about incidents: facts, alerts, story, and the notifications they led to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from psycopg.rows import DictRow

from schemas.alert import SEVERITY_RANK
from schemas.incident import Order
from tocsin.storage import search
from tocsin.storage.record import Transaction

SELECT = (
    "SELECT i.id, i.group_id, i.title, i.severity, i.state, i.opened_at, i.acknowledged_at,"
    " i.acknowledged_by, i.resolved_at, i.resolved_by, i.merged_into, g.route, g.receiver,"
    # What an earlier acknowledgement left behind says nothing of an incident that is open.
    " CASE i.state WHEN 'acknowledged' THEN i.reopens_at END AS reopens_at,"
    " i.state = 'acknowledged' AND i.snoozed AS snoozed,"
    " CASE i.state WHEN 'acknowledged' THEN i.handed_by END AS handed_by,"
    " g.labels, g.policy_version, (SELECT count(*) FROM incident_group m WHERE m.tenant = i.tenant"
    "  AND m.incident_id = i.id AND m.left_at IS NULL) AS groups_total"
    " FROM incident i JOIN alert_group g ON g.tenant = i.tenant AND g.id = i.group_id"
    " WHERE i.tenant = %s"
)


#: The worst first.
_WORST = ",".join(sorted(SEVERITY_RANK, key=lambda name: -SEVERITY_RANK[name]))
RANK = "array_position('{" + _WORST + "}'::text[], %s.severity)"
#: What follows an incident, by how they are ordered. The ids sort by the time of opening.
_AFTER = {
    "newest": " AND i.id < %s",
    "oldest": " AND i.id > %s",
    "severity": " AND EXISTS (SELECT 1 FROM incident x WHERE x.tenant = i.tenant"
    f" AND x.id = %s AND ({RANK % 'i'} > {RANK % 'x'}"
    f" OR {RANK % 'i'} = {RANK % 'x'} AND i.id < x.id))",
}
_BY = {"newest": "i.id DESC", "oldest": "i.id", "severity": f"{RANK % 'i'}, i.id DESC"}


def ordered(order: Order, after: uuid.UUID | None) -> tuple[str, str, list[Any]]:
    """The condition for what follows an incident, the ORDER BY, and what the condition takes."""
    if after is None:
        return "", f" ORDER BY {_BY[order]}", []
    return _AFTER[order], f" ORDER BY {_BY[order]}", [after]


def incidents(
    tx: Transaction, tenant: int, *, states: Sequence[str] = (), order: Order = "newest",
    after: uuid.UUID | None = None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """The incidents in these states, all if none is named; what follows `after` in this order."""
    sql = SELECT
    params: list[Any] = [tenant]
    if states:
        sql += " AND i.state = ANY(%s)"
        params.append(list(states))
    follows, by, more = ordered(order, after)
    return tx.rows(f"{sql}{follows}{by} LIMIT %s", [*params, *more, limit])


def incident(tx: Transaction, tenant: int, row: uuid.UUID) -> DictRow | None:
    return tx.row(SELECT + " AND i.id = %s", [tenant, row])


def groups(tx: Transaction, tenant: int, incident: uuid.UUID) -> list[DictRow]:
    """The groups that an incident has, and those that it had, in the order in which they came."""
    return tx.rows(
        "SELECT g.id, g.labels, g.route, g.receiver, g.active AND m.left_at IS NULL AS active,"
        " m.joined_at, m.left_at, m.reason, m.confidence, m.detail FROM incident_group m"
        " JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id"
        " WHERE m.tenant = %s AND m.incident_id = %s ORDER BY m.joined_at, g.id LIMIT 1000",
        [tenant, incident],
    )


def alerts(tx: Transaction, tenant: int, groups: Sequence[uuid.UUID], limit: int) -> list[DictRow]:
    """The alerts in groups, firing and worst first as far as one glance needs it."""
    return tx.rows(
        f"SELECT {search.COLUMNS}, count(*) OVER () AS total FROM alert a"
        " WHERE a.tenant = %s AND a.fingerprint IN (SELECT m.fingerprint FROM group_member m"
        "  WHERE m.tenant = %s AND m.group_id = ANY(%s))"
        " ORDER BY a.status, a.starts_at DESC, a.fingerprint LIMIT %s",
        [tenant, tenant, list(groups), limit],
    )


def timeline(tx: Transaction, tenant: int, incident: uuid.UUID) -> list[DictRow]:
    """The story, oldest first."""
    return tx.rows(
        "SELECT at, kind, actor, detail FROM timeline WHERE tenant = %s AND incident_id = %s"
        " ORDER BY id LIMIT 1000",
        [tenant, incident],
    )


def notifications(
    tx: Transaction, tenant: int, groups: Sequence[uuid.UUID], incident: uuid.UUID
) -> list[DictRow]:
    """The decisions to tell something of this incident, oldest first."""
    return tx.rows(
        "SELECT id, reason, policy_version, created_at, cardinality(events) AS changes"
        " FROM notification WHERE tenant = %s AND group_id = ANY(%s) AND incident_id = %s"
        " ORDER BY created_at, id LIMIT 500",
        [tenant, list(groups), incident],
    )
