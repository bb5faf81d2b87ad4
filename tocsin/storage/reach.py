"""What a silence would hit: the alerts that fire, and those that changed lately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from tocsin.domain import breadth, tags
from tocsin.storage import labels
from tocsin.storage.record import Transaction

#: Alerts that are looked at; more than these are not counted.
SCAN = 20_000
HAVE_LABELS = " AND {alert}.fingerprint IN (SELECT labelled(%(tenant)s, %(tags)s))"
FIRING = """
SELECT a.fingerprint, a.severity, a.labels, a.added, a.ruled, a.starts_at FROM alert a
WHERE a.tenant = %(tenant)s AND a.status = 'firing'{narrow}
ORDER BY (a.severity = 'critical') DESC LIMIT %(limit)s
"""
#: The cause of an event that was told of is the notification.
RECENT = """
SELECT a.fingerprint, a.severity, a.labels, a.added, a.ruled, a.starts_at, r.changes, r.told
FROM (SELECT e.fingerprint, count(*) AS changes,
        array_agg(DISTINCT e.cause) FILTER (WHERE e.outcome = 'notified') AS told
      FROM alert_event e
      WHERE e.tenant = %(tenant)s AND e.received_at >= %(since)s{narrow}
      GROUP BY e.fingerprint LIMIT %(limit)s) r
JOIN alert a ON a.tenant = %(tenant)s AND a.fingerprint = r.fingerprint
"""


def firing(
    tx: Transaction, tenant: int, equal: Sequence[tuple[str, str]]
) -> tuple[list[breadth.Alert], bool]:
    """The alerts that fire and have these labels, and whether that is all of them."""
    rows = tx.rows(*_query(FIRING, "a", tenant, equal))
    return list(_alerts(rows[:SCAN])), len(rows) <= SCAN


def recent(
    tx: Transaction, tenant: int, equal: Sequence[tuple[str, str]], since: datetime
) -> tuple[list[breadth.Alert], bool]:
    """The alerts that changed since then, what was told of that, and whether that is all."""
    statement, values = _query(RECENT, "e", tenant, equal)
    rows = tx.rows(statement, {**values, "since": since})
    return list(_alerts(rows[:SCAN])), len(rows) <= SCAN


def fire_in_all(tx: Transaction, tenant: int) -> int:
    """How many alerts of the tenant fire."""
    row = tx.row(
        "SELECT count(*) AS n FROM alert WHERE tenant = %s AND status = 'firing'", [tenant]
    )
    return int(row["n"]) if row else 0


def _query(
    template: str, alert: str, tenant: int, equal: Sequence[tuple[str, str]]
) -> tuple[str, dict[str, Any]]:
    """The equalities are looked up by tags, which are exact for what they name now.

    Tags of labels that were set earlier by rules stay, so the caller asks each row again.
    """
    narrow = HAVE_LABELS.format(alert=alert) if equal else ""
    found = {"tenant": tenant, "limit": SCAN + 1, "tags": tags.of(tenant, equal)}
    return template.format(narrow=narrow), found


def _alerts(rows: Sequence[dict[str, Any]]) -> Iterator[breadth.Alert]:
    for row in rows:
        yield breadth.Alert(
            row["fingerprint"],
            row["severity"],
            labels.of(row),
            row["starts_at"],
            row.get("changes", 0),
            frozenset(row.get("told") or ()),
        )
