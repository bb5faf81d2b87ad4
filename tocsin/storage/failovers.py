"""Deliveries that give over to another way, and those that stand in for them.

A timer names a delivery that may have to give over. Its incident's row is the mutex: lock that,
and read the deliveries after it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from tocsin.storage import deliveries, escalations, timelines, timers
from tocsin.storage.record import Transaction

Row = dict[str, Any]

#: The kind of the timers; the subject is the delivery.
TIMER = "failover"
#: The alarm about a page that no way could deliver. It raises no further one about itself.
FAILED = "TocsinDeliveryFailed"

OF = """
SELECT d.*, n.reason, n.policy_version FROM delivery d
JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id) ON d.tenant = k.tenant AND d.id = k.id
JOIN notification n ON n.tenant = d.tenant AND n.id = d.notification_id
ORDER BY d.tenant, d.incident_id, d.created_at, d.id
"""
#: The step that told of this notification, all that was told at its moment, and whether any
#: delivery of these has arrived or may still do so by itself.
STEP = """
SELECT s.name, s.run, s.round, s.step, s.done_at, bool_or(d.state = 'sent'
    OR d.state IN ('pending', 'sending') AND d.gave_over_at IS NULL) AS hope
FROM escalation_step s
JOIN escalation_step a ON a.tenant = s.tenant AND a.incident_id = s.incident_id
  AND a.name = s.name AND a.run = s.run AND a.round = s.round AND a.done_at = s.done_at
JOIN delivery d ON d.tenant = a.tenant AND d.notification_id = a.notification_id
WHERE s.tenant = %(tenant)s AND s.incident_id = %(incident)s AND s.notification_id = %(of)s
GROUP BY s.name, s.run, s.round, s.step, s.done_at
"""
#: Whoever was told in place of an integration of this line, and has not heard of the end.
STOOD_IN = """
SELECT DISTINCT ON (s.integration) s.* FROM delivery s
JOIN notification n ON n.tenant = s.tenant AND n.id = s.notification_id
WHERE s.tenant = %(tenant)s AND s.incident_id = %(incident_id)s AND s.group_id = %(group_id)s
  AND s.instead_of IS NOT NULL AND s.facts IS NULL AND s.person IS NULL
  AND (s.state IN ('sent', 'sending') OR s.in_doubt) AND n.reason = ANY(%(paging)s)
  AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.tenant = s.tenant
    AND o.notification_id = %(notification_id)s AND o.integration = s.integration)
ORDER BY s.integration, s.created_at DESC
"""
ABOUT = """
SELECT bool_and(coalesce(a.labels::json->>'alertname', '') = %s) AS own FROM group_member m
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint
WHERE m.tenant = %s AND m.group_id = %s
"""


def arm(tx: Transaction, delivery: Row, at: datetime) -> None:
    """Let this delivery give over then, unless it has arrived."""
    item = {"tenant": delivery["tenant"], "subject": delivery["id"], "due_at": at}
    timers.earlier(tx, TIMER, [item])


def of(tx: Transaction, keys: Sequence[tuple[int, uuid.UUID]]) -> list[Row]:
    """These deliveries with the reason, and the version of the policy, of their notification."""
    return tx.rows(OF, [[tenant for tenant, _ in keys], [id for _, id in keys]]) if keys else []


def siblings(tx: Transaction, delivery: Row) -> list[Row]:
    """All deliveries of the same notification, this one too."""
    return tx.rows(
        "SELECT * FROM delivery WHERE tenant = %s AND notification_id = %s ORDER BY due_at, id",
        [delivery["tenant"], delivery["notification_id"]],
    )


def gave_over(tx: Transaction, delivery: Row) -> None:
    """Note that another way was looked for: that happens once."""
    tx.run(
        "UPDATE delivery SET gave_over_at = %s WHERE tenant = %s AND id = %s",
        [tx.now, delivery["tenant"], delivery["id"]],
    )


def bring_forward(tx: Transaction, delivery: Row, instead: Mapping[str, Any]) -> bool:
    """Let a later way go now, for the reason `instead`; False where it is not waiting any more."""
    return bool(tx.run(
        "UPDATE delivery SET due_at = %s, wanted_at = %s, instead = %s"
        " WHERE tenant = %s AND id = %s AND state = 'pending'",
        [tx.now, tx.now, orjson.dumps(dict(instead)).decode(), delivery["tenant"],
         delivery["id"]],
    ))  # fmt: skip


def plan(tx: Transaction, items: Sequence[Row]) -> None:
    """Write deliveries that stand in for others; each way once in a notification."""
    deliveries.plan(tx, [], items, [])
    escalations.threads(tx, items)


def step(tx: Transaction, delivery: Row) -> Row | None:
    """The step of an escalation that planned this delivery, and whether it has any hope left."""
    return tx.row(STEP, {
        "tenant": delivery["tenant"], "incident": delivery["incident_id"],
        "of": delivery["notification_id"],
    })  # fmt: skip


def stood_in(tx: Transaction, delivery: Row) -> list[Row]:
    """The deliveries whose recipients must hear of the end that this one tells."""
    paging = list(deliveries.PAGING)
    names = ("tenant", "incident_id", "group_id", "notification_id")
    return tx.rows(STOOD_IN, {**{name: delivery[name] for name in names}, "paging": paging})


def about_failing(tx: Transaction, delivery: Row) -> bool:
    """Whether the page was itself about pages that failed: an alarm about it would go on."""
    row = tx.row(ABOUT, [FAILED, delivery["tenant"], delivery["group_id"]])
    return bool(row and row["own"])


def tell(tx: Transaction, delivery: Row, kind: str, detail: Mapping[str, Any]) -> None:
    """A line of the story of the incident."""
    entry = {"tenant": delivery["tenant"], "incident_id": delivery["incident_id"], "kind": kind,
             "actor": "tocsin", "detail": orjson.dumps(dict(detail)).decode()}  # fmt: skip
    timelines.tell(tx, [entry])
