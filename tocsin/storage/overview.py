"""What a tenant's first page says: how much of everything, and what nobody has taken yet."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import DictRow

from tocsin.storage import search_incidents
from tocsin.storage.record import Transaction

#: `held`: planned, not tried yet and not due either. `silenced`: what fires and is kept quiet.
NUMBERS = """
SELECT
  (SELECT count(*) FROM alert a WHERE a.tenant = %(tenant)s AND a.status = 'firing') AS firing,
  (SELECT count(DISTINCT m.fingerprint) FROM group_member m JOIN alert a
   ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint AND a.status = 'firing'
   WHERE m.tenant = %(tenant)s AND m.muted_by IS NOT NULL) AS silenced,
  i.*, d.*, (SELECT count(*) FROM delivery x
   WHERE x.tenant = %(tenant)s AND x.state = 'dead') AS dead
FROM (SELECT count(*) FILTER (WHERE state = 'open') AS unacked,
        count(*) FILTER (WHERE state = 'acknowledged') AS acked
      FROM incident WHERE tenant = %(tenant)s AND state <> 'resolved') AS i,
     (SELECT count(*) FILTER (WHERE attempts > 0) AS retrying,
        count(*) FILTER (WHERE attempts = 0 AND state = 'pending' AND due_at > %(now)s) AS held
      FROM delivery WHERE tenant = %(tenant)s AND state IN ('pending', 'sending')) AS d
"""
#: Oldest of the worst first; merged ones are resolved.
UNACKED = (
    " AND i.state = 'open' ORDER BY array_position("
    "ARRAY['critical', 'error', 'warning', 'info', 'none'], i.severity), i.opened_at, i.id LIMIT %s"
)
#: Alerts that fire, and how many in all, of incidents.
ALERTS = """
SELECT g.incident_id, count(DISTINCT m.fingerprint) AS total,
  count(DISTINCT m.fingerprint) FILTER (WHERE a.status = 'firing') AS firing
FROM incident_group g JOIN group_member m ON m.tenant = g.tenant AND m.group_id = g.group_id
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint
WHERE g.tenant = %s AND g.incident_id = ANY(%s) AND g.left_at IS NULL GROUP BY 1
"""


def numbers(tx: Transaction, tenant: int) -> DictRow:
    """firing, silenced, unacked, acked, retrying, held, dead."""
    row = tx.row(NUMBERS, {"tenant": tenant, "now": tx.now})
    assert row is not None
    return row


def unacked(tx: Transaction, tenant: int, limit: int) -> list[DictRow]:
    """Incidents that nobody has taken, the oldest of the worst first, with alerts counted."""
    rows = tx.rows(search_incidents.SELECT + UNACKED, [tenant, limit])
    counted = {
        row["incident_id"]: row for row in tx.rows(ALERTS, [tenant, [row["id"] for row in rows]])
    }
    nothing = {"total": 0, "firing": 0}
    return [
        {**row, **{f"alerts_{name}": counted.get(row["id"], nothing)[name] for name in nothing}}
        for row in rows
    ]


def quiet_since(tx: Transaction, tenant: int) -> datetime | None:
    """When the newest incident was taken or ended; None where there never was one."""
    row = tx.row(
        "SELECT max(greatest(acknowledged_at, resolved_at)) AS at FROM (SELECT acknowledged_at,"
        " resolved_at FROM incident WHERE tenant = %s ORDER BY id DESC LIMIT 200) AS newest",
        [tenant],
    )
    return row["at"] if row else None
