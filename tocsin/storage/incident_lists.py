"""What the list of incidents shows: those that fit, how many others would, and facts of each."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import DictRow

from schemas.incident import Order
from tocsin.domain import tags
from tocsin.storage import labels, search_incidents
from tocsin.storage.record import Transaction

Facet = Literal["state", "severity", "receiver"]

#: What a facet narrows down, by column.
COLUMNS: dict[Facet, str] = {
    "state": "i.state", "severity": "i.severity", "receiver": "g.receiver",
}  # fmt: skip
FROM = (
    " FROM incident i JOIN alert_group g ON g.tenant = i.tenant AND g.id = i.group_id"
    " WHERE i.tenant = %s"
)
#: A text is looked for in the title and in what its groups are grouped by.
SAYS = (
    " AND (i.title ILIKE %s OR EXISTS (SELECT 1 FROM incident_group j JOIN alert_group h"
    " ON h.tenant = j.tenant AND h.id = j.group_id WHERE j.tenant = i.tenant"
    " AND j.incident_id = i.id AND h.labels ILIKE %s))"
)
#: name=value is looked up among the labels of all its alerts.
HAS = (
    " AND i.id IN (SELECT j.incident_id FROM labelled(%s, %s) AS l (fingerprint)"
    " JOIN group_member m ON m.tenant = i.tenant AND m.fingerprint = l.fingerprint"
    " JOIN incident_group j ON j.tenant = m.tenant AND j.group_id = m.group_id)"
)
SERVICE = labels.value("a", "'service'")
FACTS = """
SELECT k.id, count(DISTINCT m.fingerprint) AS alerts,
  count(DISTINCT m.fingerprint) FILTER (WHERE a.status = 'firing') AS firing
FROM unnest(%s::uuid[]) AS k (id)
JOIN incident_group j ON j.tenant = %s AND j.incident_id = k.id AND j.left_at IS NULL
JOIN group_member m ON m.tenant = j.tenant AND m.group_id = j.group_id
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint
GROUP BY k.id
"""
SERVICES = f"""
SELECT k.id, {SERVICE} AS value, count(DISTINCT a.fingerprint) AS alerts
FROM unnest(%s::uuid[]) AS k (id)
JOIN incident_group j ON j.tenant = %s AND j.incident_id = k.id AND j.left_at IS NULL
JOIN group_member m ON m.tenant = j.tenant AND m.group_id = j.group_id
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint
GROUP BY k.id, value HAVING {SERVICE} <> '' ORDER BY k.id, alerts DESC, value
"""
MESSAGES = """
SELECT d.id, d.notification_id, d.integration, d.channel, d.destination, d.person, d.state,
  d.attempts, d.in_doubt, d.cause, d.due_at, d.created_at, d.finished_at, d.receipt, d.receipt_at,
  n.reason
FROM delivery d JOIN notification n ON n.tenant = d.tenant AND n.id = d.notification_id
WHERE d.tenant = %s AND d.incident_id = %s ORDER BY d.id LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents a list shows; empty: all."""

    states: Sequence[str] = ()
    severities: Sequence[str] = ()
    receivers: Sequence[str] = ()
    #: Opened after this; with `going_on` those that are not resolved are older too.
    since: datetime | None = None
    going_on: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the alerts of an incident come to."""

    alerts: int = 0
    firing: int = 0
    services: list[str] = field(default_factory=list)


def listed(
    tx: Transaction, tenant: int, wanted: Wanted, *, order: Order = "newest",
    after: uuid.UUID | None = None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """The incidents that fit, what follows `after` in this order."""
    conditions, params = _where(tenant, wanted)
    follows, by, more = search_incidents.ordered(order, after)
    sql = f"{search_incidents.SELECT}{conditions}{follows}{by} LIMIT %s"
    return tx.rows(sql, [tenant, *params, *more, limit])


def facets(tx: Transaction, tenant: int, wanted: Wanted) -> dict[Facet, dict[str, int]]:
    """How many fit by each value of each facet, were it not for what that facet asks for."""
    found: dict[Facet, dict[str, int]] = {}
    asked: dict[Facet, Wanted] = {
        "state": replace(wanted, states=()),
        "severity": replace(wanted, severities=()),
        "receiver": replace(wanted, receivers=()),
    }
    for facet, others in asked.items():
        conditions, params = _where(tenant, others)
        rows = tx.rows(
            f"SELECT {COLUMNS[facet]} AS value, count(*) AS n{FROM}{conditions}"
            " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100",
            [tenant, *params],
        )
        found[facet] = {row["value"]: row["n"] for row in rows}
    return found


def facts(tx: Transaction, tenant: int, incidents: Sequence[uuid.UUID]) -> dict[uuid.UUID, Facts]:
    """Of each of these incidents."""
    ids = list(incidents)
    counted = {row["id"]: row for row in tx.rows(FACTS, [ids, tenant])}
    named: dict[uuid.UUID, list[str]] = {}
    for row in tx.rows(SERVICES, [ids, tenant]):
        named.setdefault(row["id"], []).append(row["value"])
    return {
        id: Facts(counted[id]["alerts"], counted[id]["firing"], named.get(id, []))
        if id in counted else Facts()
        for id in ids
    }  # fmt: skip


def messages(tx: Transaction, tenant: int, incident: uuid.UUID) -> list[DictRow]:
    """Every message about an incident and what became of it, oldest first."""
    return tx.rows(MESSAGES, [tenant, incident])


def _where(tenant: int, wanted: Wanted) -> tuple[str, list[Any]]:
    conditions = ""
    params: list[Any] = []
    values = (wanted.states, wanted.severities, wanted.receivers)
    for column, chosen in zip(COLUMNS.values(), values, strict=True):
        if chosen:
            conditions += f" AND {column} = ANY(%s)"
            params.append(list(chosen))
    if wanted.since:
        conditions += " AND (i.opened_at >= %s OR (%s AND i.state <> 'resolved'))"
        params += [wanted.since, wanted.going_on]
    for word in wanted.text.split():
        name, equals, value = word.partition("=")
        if name and equals and value:
            conditions += HAS
            params += [tenant, tags.of(tenant, [(name, value.strip('"'))])]
        else:
            conditions += SAYS
            params += [f"%{_literal(word)}%"] * 2
    return conditions, params


def _literal(text: str) -> str:
    """For LIKE: nothing in it stands for something else."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
