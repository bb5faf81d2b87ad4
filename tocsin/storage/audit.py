"""The audit chain: one row an act, each holding the hash of the row before it."""

from __future__ import annotations

from typing import Any

from tocsin.storage.record import Transaction


def newest(tx: Transaction, tenant: int) -> tuple[int, bytes]:
    """Number and hash of the last row, with the tenant's chain locked against a second writer."""
    tx.run("SELECT pg_advisory_xact_lock(7021906, %s)", [tenant])
    row = tx.row(
        "SELECT seq, hash FROM audit WHERE tenant = %s ORDER BY seq DESC LIMIT 1", [tenant]
    )
    return (row["seq"], row["hash"]) if row else (0, b"")


def append(tx: Transaction, row: dict[str, Any]) -> None:
    tx.run(
        "INSERT INTO audit (tenant, seq, at, actor, act, subject, detail, prev, hash) VALUES"
        " (%(tenant)s, %(seq)s, %(at)s, %(actor)s, %(act)s, %(subject)s, %(detail)s, %(prev)s,"
        " %(hash)s)",
        row,
    )


def rows(tx: Transaction, tenant: int) -> list[dict[str, Any]]:
    return tx.rows("SELECT * FROM audit WHERE tenant = %s ORDER BY seq", [tenant])
