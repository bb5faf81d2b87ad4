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
