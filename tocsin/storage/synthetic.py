"""The alerts that Tocsin posts to itself: which there were, and whether they arrived."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tocsin.storage.record import Transaction

Row = dict[str, Any]

BEGIN = """
INSERT INTO synthetic (tenant, id, fingerprint, source, posted_at)
VALUES (%(tenant)s, %(id)s, %(fingerprint)s, %(source)s, %(now)s) ON CONFLICT DO NOTHING
RETURNING *
"""
#: Arrived is what a provider took: the delivery of the notification that explains its change.
ARRIVED = """
UPDATE synthetic s SET arrived_at = found.at FROM (
  SELECT o.id, min(d.finished_at) AS at FROM synthetic o
  JOIN alert_event e ON e.tenant = o.tenant AND e.fingerprint = o.fingerprint
    AND e.outcome = 'notified' AND e.received_at >= o.posted_at - interval '1 minute'
  JOIN delivery d ON d.tenant = e.tenant AND d.state = 'sent' AND d.notification_id =
    CASE WHEN e.cause ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN e.cause::uuid END
  WHERE o.tenant = %(tenant)s AND o.arrived_at IS NULL
    AND o.posted_at > %(now)s - interval '1 hour'
  GROUP BY o.id) found
WHERE s.tenant = %(tenant)s AND s.id = found.id
"""


def begin(tx: Transaction, row: Row) -> Row | None:
    """Note that {tenant, id, fingerprint, source} is posted now; None where somebody did before."""
    return tx.row(BEGIN, {**row, "now": tx.now})


def get(tx: Transaction, tenant: int, id: int) -> Row | None:
    return tx.row("SELECT * FROM synthetic WHERE tenant = %s AND id = %s", [tenant, id])


def note_arrivals(tx: Transaction, tenant: int) -> None:
    """Write down which of the last hour have been sent since the last look."""
    tx.run(ARRIVED, {"tenant": tenant, "now": tx.now})


def newest_arrived(tx: Transaction, tenants: Iterable[int]) -> Row | None:
    """The last one that arrived, of whichever of these tenants is watched."""
    return tx.row(
        "SELECT * FROM synthetic WHERE tenant = ANY(%s) AND arrived_at IS NOT NULL"
        " ORDER BY posted_at DESC LIMIT 1",
        [list(tenants)],
    )


def prune(tx: Transaction, tenant: int, before: datetime) -> int:
    """Remove all that those posted before then left in the record; returns how many they were."""
    row = tx.row("SELECT prune_synthetic(%s, %s) AS n", [tenant, before])
    return int(row["n"]) if row else 0
