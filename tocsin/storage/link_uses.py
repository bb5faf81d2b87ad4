"""What the links in pages lead to, and what was done by them: each act once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from tocsin.storage.record import Transaction

#: So long after its page went out a link works.
LASTS = timedelta(hours=24)


def find(tx: Transaction, tenant: int, delivery: uuid.UUID) -> dict[str, Any] | None:
    """Person, incident and end of the link of a delivery; None where it does not work any more.

    A page that is still on its way may have arrived: its time begins when that has ended.
    """
    return tx.row(
        "SELECT d.id, d.person, d.incident_id, d.channel,"
        "  coalesce(d.finished_at, %(now)s) + %(lasts)s AS until FROM delivery d"
        " WHERE d.tenant = %(tenant)s AND d.id = %(id)s AND d.person IS NOT NULL"
        "  AND coalesce(d.finished_at, %(now)s) + %(lasts)s > %(now)s",
        {"tenant": tenant, "id": delivery, "now": tx.now, "lasts": LASTS},
    )


def used(tx: Transaction, tenant: int, delivery: uuid.UUID) -> frozenset[str]:
    """What was done by this link."""
    rows = tx.rows(
        "SELECT act FROM link_use WHERE tenant = %s AND delivery_id = %s", [tenant, delivery]
    )
    return frozenset(row["act"] for row in rows)


def use(tx: Transaction, tenant: int, delivery: uuid.UUID, act: str) -> None:
    """Note that it was done; the caller holds the incident."""
    tx.run(
        "INSERT INTO link_use (tenant, delivery_id, act, at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [tenant, delivery, act, tx.now],
    )


def firing(tx: Transaction, tenant: int, incident: uuid.UUID) -> int:
    """How many alerts of an incident fire."""
    row = tx.row(
        "SELECT count(DISTINCT a.fingerprint) AS n FROM incident_group g"
        " JOIN group_member m ON m.tenant = g.tenant AND m.group_id = g.group_id"
        " JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint"
        " WHERE g.tenant = %s AND g.incident_id = %s AND g.left_at IS NULL"
        " AND a.status = 'firing'",
        [tenant, incident],
    )
    return int(row["n"]) if row else 0
