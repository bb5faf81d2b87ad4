"""Figures for /metrics and the health checks: counters, backlog, dead letters."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import DictRow

from tocsin.storage import due
from tocsin.storage.record import Transaction

OF_TENANT = """
SELECT t.slug, c.name, c.labels, sum(c.value) AS value FROM (
  SELECT tenant, name, labels, value FROM counter WHERE tenant = %(tenant)s
  UNION ALL SELECT tenant, name, labels, value FROM tally WHERE tenant = %(tenant)s) c
JOIN tenant t ON t.id = c.tenant GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
"""


def counters(tx: Transaction, tenant: int | None) -> list[DictRow]:
    """slug, name, labels, value with what is not folded yet; of all tenants where it is None."""
    if tenant is None:
        return tx.rows("SELECT slug, name, labels, value FROM all_counters()")
    return tx.rows(OF_TENANT, {"tenant": tenant})


def inbox_oldest(tx: Transaction, tenant: int | None) -> datetime | None:
    """Since when the oldest accepted batch waits."""
    if tenant is None:
        return min((item.oldest for item in due.late(tx) if item.kind == "inbox"), default=None)
    row = tx.row(
        "SELECT min(coalesce(queued_at, received_at)) AS oldest FROM inbox WHERE tenant = %s",
        [tenant],
    )
    return row["oldest"] if row else None


def dead_letters(tx: Transaction, tenant: int | None) -> dict[str, int]:
    """How many deliveries are dead, by channel."""
    if tenant is None:
        found = tx.rows("SELECT channel, n FROM delivery_states() WHERE state = 'dead'")
    else:
        found = tx.rows(
            "SELECT channel, count(*) AS n FROM delivery WHERE tenant = %s AND state = 'dead'"
            " GROUP BY 1 ORDER BY 1",
            [tenant],
        )
    return {row["channel"]: row["n"] for row in found}


def revision(tx: Transaction) -> str | None:
    """The revision of the database; None where this login may not ask."""
    row = tx.row("SELECT has_table_privilege('alembic_version', 'SELECT') AS may")
    if row is None or not row["may"]:
        return None
    found = tx.row("SELECT version_num FROM alembic_version")
    return found["version_num"] if found else ""
