"""What the API reads about deliveries and their attempts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg.rows import DictRow

from tocsin.storage.record import Transaction

SELECT = (
    "SELECT id, notification_id, incident_id, integration, channel, destination, queue, state,"
    " attempts, in_doubt, cause, due_at, created_at, finished_at FROM delivery WHERE tenant = %s"
)


def deliveries(
    tx: Transaction, tenant: int, *, states: Sequence[str] = (),
    after: uuid.UUID | None = None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Newest first; the ids sort by the time of the decision."""
    sql = SELECT
    params: list[Any] = [tenant]
    if states:
        sql += " AND state = ANY(%s)"
        params.append(list(states))
    if after:
        sql += " AND id < %s"
        params.append(after)
    return tx.rows(sql + " ORDER BY id DESC LIMIT %s", [*params, limit])


def delivery(tx: Transaction, tenant: int, row: uuid.UUID) -> DictRow | None:
    return tx.row(SELECT + " AND id = %s", [tenant, row])


def of_notifications(
    tx: Transaction, tenant: int, notifications: Sequence[uuid.UUID]
) -> list[DictRow]:
    return tx.rows(
        SELECT + " AND notification_id = ANY(%s) ORDER BY integration, id",
        [tenant, list(notifications)],
    )


def newest_message(tx: Transaction, tenant: int, incident: uuid.UUID) -> bytes | None:
    """The sealed message of the newest notification about an incident."""
    row = tx.row(
        "SELECT message FROM notification WHERE tenant = %s AND incident_id = %s"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        [tenant, incident],
    )
    return bytes(row["message"]) if row else None


def attempts(
    tx: Transaction, tenant: int, deliveries: Sequence[dict[str, Any]]
) -> dict[uuid.UUID, list[DictRow]]:
    """The attempts of each of these deliveries, oldest first."""
    if not deliveries:
        return {}
    # No attempt is older than its delivery's id, which a retry does not change: prunes partitions.
    since = min(row["id"].int >> 80 for row in deliveries)  # milliseconds of a UUID of version 7
    found = tx.rows(
        "SELECT delivery_id, attempt, started_at, finished_at, outcome, reason, error, status_code"
        " FROM delivery_attempt WHERE tenant = %s AND delivery_id = ANY(%s)"
        " AND started_at >= to_timestamp(%s) - %s::interval"
        " ORDER BY started_at, attempt LIMIT 2000",
        [tenant, [row["id"] for row in deliveries], since / 1000, timedelta(hours=1)],
    )
    sorted_out: dict[uuid.UUID, list[DictRow]] = {row["id"]: [] for row in deliveries}
    for row in found:
        sorted_out[row["delivery_id"]].append(row)
    return sorted_out
