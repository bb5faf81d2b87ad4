"""What the API reads about incidents: facts, alerts, story, and the notifications they led to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from psycopg.rows import DictRow

from tocsin.storage import search
from tocsin.storage.record import Transaction

SELECT = (
    "SELECT i.id, i.group_id, i.title, i.severity, i.state, i.opened_at, i.acknowledged_at,"
    " i.acknowledged_by, i.resolved_at, i.resolved_by, g.route, g.receiver, g.labels,"
    " g.policy_version"
    " FROM incident i JOIN alert_group g ON g.tenant = i.tenant AND g.id = i.group_id"
    " WHERE i.tenant = %s"
)


def incidents(
    tx: Transaction, tenant: int, *, states: Sequence[str] = (),
    after: uuid.UUID | None = None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Newest first; the ids sort by the time of opening."""
    sql = SELECT
    params: list[Any] = [tenant]
    if states:
        sql += " AND i.state = ANY(%s)"
        params.append(list(states))
    if after:
        sql += " AND i.id < %s"
        params.append(after)
    return tx.rows(sql + " ORDER BY i.id DESC LIMIT %s", [*params, limit])


def incident(tx: Transaction, tenant: int, row: uuid.UUID) -> DictRow | None:
    return tx.row(SELECT + " AND i.id = %s", [tenant, row])


def alerts(tx: Transaction, tenant: int, group: uuid.UUID, limit: int) -> list[DictRow]:
    """The alerts in a group, firing and worst first as far as one glance needs it."""
    return tx.rows(
        f"SELECT {search.COLUMNS}, count(*) OVER () AS total FROM group_member m"
        " JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint"
        " WHERE m.tenant = %s AND m.group_id = %s"
        " ORDER BY a.status, a.starts_at DESC, a.fingerprint LIMIT %s",
        [tenant, group, limit],
    )


def timeline(tx: Transaction, tenant: int, incident: uuid.UUID) -> list[DictRow]:
    """The story, oldest first."""
    return tx.rows(
        "SELECT at, kind, actor, detail FROM timeline WHERE tenant = %s AND incident_id = %s"
        " ORDER BY id LIMIT 1000",
        [tenant, incident],
    )


def notifications(
    tx: Transaction, tenant: int, group: uuid.UUID, incident: uuid.UUID
) -> list[DictRow]:
    """The decisions to tell something of this incident, oldest first."""
    return tx.rows(
        "SELECT id, reason, policy_version, created_at, cardinality(events) AS changes"
        " FROM notification WHERE tenant = %s AND group_id = %s AND incident_id = %s"
        " ORDER BY created_at, id LIMIT 500",
        [tenant, group, incident],
    )
