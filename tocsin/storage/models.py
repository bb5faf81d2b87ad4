"""Trained models: versions of a tenant, one of them in use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tocsin.storage.record import Transaction

#: So many versions are kept, and always the one in use.
KEPT = 10


def claim(tx: Transaction) -> dict[str, Any] | None:
    """Take a tenant whose training is due; who dies over it is followed after ten minutes."""
    return tx.row("SELECT tenant, active, crowd, train_at FROM claim_training()")


def load(tx: Transaction, tenant: int, version: int) -> dict[str, Any] | None:
    """One version, with its blob."""
    return tx.row("SELECT * FROM model WHERE tenant = %s AND version = %s", [tenant, version])


def add(tx: Transaction, tenant: int, made: dict[str, Any]) -> int:
    """Store {detector, rows, feedback, libraries, blob, mac} and put it in use; its version.

    The row of the tenant in `scoring` is locked by it.
    """
    tx.row("SELECT 1 AS one FROM scoring WHERE tenant = %s FOR UPDATE", [tenant])
    row = tx.row(
        "INSERT INTO model (tenant, version, detector, trained_at, rows, feedback, libraries,"
        " blob, mac) SELECT %(tenant)s, coalesce(max(version), 0) + 1, %(detector)s, %(now)s,"
        " %(rows)s, %(feedback)s, %(libraries)s, %(blob)s, %(mac)s FROM model"
        " WHERE tenant = %(tenant)s RETURNING version",
        {**made, "tenant": tenant, "now": tx.now},
    )
    assert row is not None
    version = int(row["version"])
    use(tx, tenant, version)
    tx.run(
        "DELETE FROM model WHERE tenant = %s AND version <= %s AND version <> %s",
        [tenant, version - KEPT, version],
    )
    return version


def use(tx: Transaction, tenant: int, version: int) -> None:
    """Score with this version from now on."""
    tx.run("UPDATE scoring SET active = %s, problem = NULL WHERE tenant = %s", [version, tenant])


def planned(tx: Transaction, tenant: int, at: datetime, problem: str | None) -> None:
    """When to train next, and why the last training made no model."""
    tx.run(
        "UPDATE scoring SET train_at = %s, problem = %s WHERE tenant = %s", [at, problem, tenant]
    )


def broken(tx: Transaction, tenant: int, problem: str) -> None:
    """The model in use cannot be loaded: say so, and train soon."""
    tx.run(
        "UPDATE scoring SET problem = %s, train_at = least(train_at, %s), active = NULL"
        " WHERE tenant = %s",
        [problem[:1000], tx.now, tenant],
    )


def ask(tx: Transaction, tenant: int) -> None:
    """Train as soon as somebody can."""
    tx.run(
        "INSERT INTO scoring (tenant, train_at) VALUES (%s, %s)"
        " ON CONFLICT (tenant) DO UPDATE SET train_at = least(scoring.train_at, excluded.train_at)",
        [tenant, tx.now],
    )


def state(tx: Transaction, tenant: int) -> dict[str, Any] | None:
    return tx.row("SELECT active, train_at, problem FROM scoring WHERE tenant = %s", [tenant])


def listed(tx: Transaction, tenant: int) -> list[dict[str, Any]]:
    """The versions that are kept, newest first, without their blobs."""
    return tx.rows(
        "SELECT m.version, coalesce(m.version = s.active, false) AS active, m.detector,"
        " m.trained_at, m.rows, m.feedback, m.libraries, length(m.blob) AS bytes FROM model m"
        " LEFT JOIN scoring s ON s.tenant = m.tenant WHERE m.tenant = %s ORDER BY m.version DESC",
        [tenant],
    )


def soon(now: datetime, interval: timedelta, trained: bool) -> datetime:
    """The next training: with nothing to learn from it is tried again sooner."""
    return now + (interval if trained else min(interval, timedelta(minutes=15)))
