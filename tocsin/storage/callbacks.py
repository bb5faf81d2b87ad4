"""What providers tell us: posts that count once, receipts, refusals, and whom a reply is about."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import orjson

from schemas import heard
from tocsin.storage import contacts, deliveries, timelines, timers
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

#: Receipts that say that nobody saw the message.
LOST = ("undelivered", "bounced")
#: The newest incidents are enough to find the one that a reply means.
_CANDIDATES = 20
#: What goes on for longer is told again meanwhile.
_TOLD_WITHIN = timedelta(days=30)


def tenant_of(tx: Transaction, slug: str) -> int | None:
    """The tenant with this slug, for a post that no token vouches for."""
    row = tx.row("SELECT id FROM tenant_list() WHERE slug = %s", [slug])
    return int(row["id"]) if row else None


def is_news(tx: Transaction, tenant: int, channel: str, nonce: str) -> bool:
    """Note a post; False where the same one was acted on before."""
    return bool(
        tx.run(
            "INSERT INTO callback_nonce (tenant, channel, nonce, at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [tenant, channel, nonce, tx.now],
        )
    )


def forget(tx: Transaction, before: datetime) -> None:
    """Drop the nonces of all tenants that are older."""
    tx.run("SELECT forget_nonces(%s)", [before])


def refuse(tx: Transaction, tenant: int, channel: str, address: str, *, refused: bool) -> bool:
    """Note that an address wants silence, or wants it no more; False where that was so already."""
    if refused:
        sql = (
            "INSERT INTO refused_address (tenant, channel, address, since)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
        )
        return bool(tx.run(sql, [tenant, channel, address, tx.now]))
    return bool(
        tx.run(
            "DELETE FROM refused_address WHERE tenant = %s AND channel = %s AND address = %s",
            [tenant, channel, address],
        )
    )


def refused(tx: Transaction, tenant: int, channel: str) -> frozenset[str]:
    """The addresses of a channel that want silence."""
    rows = tx.rows(
        "SELECT address FROM refused_address WHERE tenant = %s AND channel = %s", [tenant, channel]
    )
    return frozenset(row["address"] for row in rows)


def meant(
    tx: Transaction, tenant: int, channel: str, told_at: str, tail: str | None
) -> list[dict[str, Any]]:
    """The incidents that somebody told at this destination may mean, newest telling first.

    With ``tail``, those whose id ends in it, resolved ones too; else those that are not resolved.
    """
    return tx.rows(
        "WITH RECURSIVE heard AS (SELECT d.incident_id AS id, max(d.created_at) AS told"
        "  FROM delivery d WHERE d.tenant = %s AND d.channel = %s AND d.destination = %s"
        "  AND d.created_at > %s AND d.state IN ('sent', 'sending') GROUP BY d.incident_id),"
        " went AS (SELECT id AS was, id, told FROM heard UNION ALL"
        "  SELECT w.was, i.merged_into, w.told FROM went w"
        "  JOIN incident i ON i.tenant = %s AND i.id = w.id WHERE i.merged_into IS NOT NULL)"
        " SELECT i.id, max(w.told) AS told FROM went w"
        " JOIN incident i ON i.tenant = %s AND i.id = w.id AND i.merged_into IS NULL"
        " WHERE (%s::text IS NOT NULL OR i.state <> 'resolved')"
        " AND (%s::text IS NULL OR right(i.id::text, length(%s)) = %s"
        "  OR right(w.was::text, length(%s)) = %s)"
        " GROUP BY i.id ORDER BY told DESC LIMIT %s",
        [tenant, channel, told_at, tx.now - _TOLD_WITHIN, tenant, tenant,
         tail, tail, tail, tail, tail, tail, _CANDIDATES],
    )  # fmt: skip


def about(tx: Transaction, tenant: int, incident: uuid.UUID) -> dict[str, Any] | None:
    """Title, state and the labels (JSON) of each group of an incident."""
    return tx.row(
        "SELECT i.title, i.state, (SELECT array_agg(g.labels ORDER BY g.labels)"
        "  FROM incident_group m JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id"
        "  WHERE m.tenant = i.tenant AND m.incident_id = i.id AND m.left_at IS NULL) AS groups"
        " FROM incident i WHERE i.tenant = %s AND i.id = %s",
        [tenant, incident],
    )


def receipt(
    tx: Transaction, tenant: int, channel: str, told: heard.Receipt
) -> dict[str, Any] | None:
    """Keep what became of a message, and return its delivery.

    None where nothing is new or nobody knows the message.

    A final receipt stays unless another final one follows, so the order of arrival does not
    matter. One that says that nobody saw it makes the delivery a dead letter.
    """
    row = tx.row(
        "UPDATE delivery SET receipt = %s, receipt_at = %s,"
        " provider_id = coalesce(provider_id, nullif(%s, ''))"
        " WHERE tenant = %s AND channel = %s AND (provider_id = %s OR id = %s)"
        " AND receipt IS DISTINCT FROM %s AND (%s OR receipt IS NULL OR receipt = 'queued')"
        " RETURNING *",
        [told.state, tx.now, told.provider_id, tenant, channel, told.provider_id or None,
         _uuid(told.key), told.state, told.final],
    )  # fmt: skip
    if row is not None and told.state in LOST:
        lose(tx, row, told.reason or told.state)
    return row


def lose(tx: Transaction, delivery: dict[str, Any], reason: str) -> None:
    """A message that was taken and then did not arrive: a dead letter, seen where those are."""
    tenant, row = delivery["tenant"], delivery["id"]
    lost = tx.run(
        "UPDATE delivery SET state = 'dead', cause = %s, finished_at = %s"
        " WHERE tenant = %s AND id = %s AND state = 'sent'",
        [f"the provider took it, but it did not arrive: {reason}", tx.now, tenant, row],
    )
    if not lost:
        return
    detail = {
        "destination": delivery["destination"],
        "note": f"{delivery['destination']}: {reason}",
    }
    entry = {
        "tenant": tenant, "incident_id": delivery["incident_id"], "kind": "undelivered",
        "actor": "tocsin", "detail": orjson.dumps(detail).decode(),
    }  # fmt: skip
    if delivery["incident_id"] != contacts.NO_INCIDENT:
        timelines.tell(tx, [entry])
        item = {"tenant": tenant, "subject": row, "due_at": tx.now}
        timers.earlier(tx, "failover", [item])
    tallies = Tallies()
    tallies.add(tenant, "notifications_failed_total", delivery["channel"], "undelivered")
    tallies.write(tx)
    _explain(tx, tenant, delivery["notification_id"])


def _explain(tx: Transaction, tenant: int, notification: uuid.UUID) -> None:
    """What was "notified" by this notification alone was not: it failed.

    Explanations only ever grow stronger, but this one was not true.
    """
    tx.run(
        "UPDATE alert_event e SET outcome = 'failed', explained_at = %s"
        " FROM notification n WHERE n.tenant = %s AND n.id = %s AND e.tenant = n.tenant"
        " AND e.id = ANY(n.events) AND e.received_at >= n.events_since"
        " AND e.outcome = 'notified' AND e.cause = n.id::text"
        " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.tenant = n.tenant"
        "  AND d.notification_id = n.id AND d.state IN ('sent', 'pending', 'sending'))",
        [tx.now, tenant, notification],
    )
    deliveries.settle(tx, [deliveries.Ended(tenant, notification)])


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
