"""Silences, each with the timer that wakes the groups it kept quiet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from tocsin import ids
from tocsin.storage import timers
from tocsin.storage.record import Transaction

#: The kind of the timer; its subject is the id of the silence.
TIMER = "silence"
SELECT = (
    "SELECT id, matchers, starts_at, ends_at, comment, created_by, created_at FROM silence"
    " WHERE tenant = %s"
)
STATES = {
    "active": " AND starts_at <= %s AND ends_at > %s",
    "pending": " AND starts_at > %s AND ends_at > %s",
    "expired": " AND ends_at <= least(%s, %s)",
    "all": "",
}


def create(
    tx: Transaction, tenant: int, *, matchers: Sequence[str], starts_at: datetime,
    ends_at: datetime, comment: str, by: str,
) -> uuid.UUID:  # fmt: skip
    """Store a silence and the timer of its end; returns its id."""
    silence = ids.new(tx.now)
    tx.run(
        "INSERT INTO silence (tenant, id, matchers, starts_at, ends_at, comment, created_by,"
        " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [tenant, silence, list(matchers), starts_at, ends_at, comment, by, tx.now],
    )
    _wake_at(tx, tenant, silence, ends_at)
    return silence


def get(tx: Transaction, tenant: int, silence: uuid.UUID) -> DictRow | None:
    return tx.row(SELECT + " AND id = %s", [tenant, silence])


def listed(
    tx: Transaction, tenant: int, *, state: str = "all", after: uuid.UUID | None = None, limit: int
) -> list[DictRow]:
    """The silences that are in this state now (active, pending, expired, all), newest first."""
    sql = SELECT + STATES[state]
    params: list[Any] = [tenant, *[tx.now] * STATES[state].count("%s")]
    if after:
        sql += " AND id < %s"
        params.append(after)
    return tx.rows(sql + " ORDER BY id DESC LIMIT %s", [*params, limit])


def expire(tx: Transaction, tenant: int, silence: uuid.UUID) -> bool:
    """End a silence now and wake what it kept quiet; False where it had ended before.

    One that had not begun ends without ever having been in force.
    """
    touched = tx.run(
        "UPDATE silence SET ends_at = %s, starts_at = least(starts_at, %s)"
        " WHERE tenant = %s AND id = %s AND ends_at > %s",
        [tx.now, tx.now, tenant, silence, tx.now],
    )
    if touched:
        _wake_at(tx, tenant, silence, tx.now)
    return bool(touched)


def active(tx: Transaction, tenants: Iterable[int], now: datetime) -> list[dict[str, Any]]:
    """The silences in force, of several tenants: id, tenant, matchers, starts_at, ends_at.

    Shared locks: who ends a silence waits for the flushes that still obeyed it, so that the groups
    they held back are there to be woken.
    """
    return tx.rows(
        "SELECT id, tenant, matchers, starts_at, ends_at FROM silence"
        " WHERE tenant = ANY(%s) AND starts_at <= %s AND ends_at > %s ORDER BY tenant, id"
        " FOR SHARE",
        [list(tenants), now, now],
    )


def _wake_at(tx: Transaction, tenant: int, silence: uuid.UUID, due_at: datetime) -> None:
    timers.exactly(tx, TIMER, [{"tenant": tenant, "subject": silence, "due_at": due_at}])
