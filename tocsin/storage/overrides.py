"""Overrides of schedules: who stands in, from when to when. Ended ones stay to be read."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from tocsin import ids
from tocsin.domain import oncall
from tocsin.storage.record import Transaction

COLUMNS = (
    "id, schedule, person, starts_at, ends_at, created_by, created_at, note, ended_at,"
    " least(ends_at, ended_at) AS until"
)
SELECT = f"SELECT {COLUMNS} FROM schedule_override WHERE tenant = %s"
OF = """
SELECT tenant, id, schedule, person, starts_at, least(ends_at, ended_at) AS until
FROM schedule_override
WHERE tenant = ANY(%s) AND ends_at > %s AND starts_at <= %s
  AND (ended_at IS NULL OR ended_at > greatest(starts_at, %s))
ORDER BY tenant, id
"""
#: One that was called off before it began was never in force.
STATES = {
    "active": " AND starts_at <= %s AND least(ends_at, ended_at) > %s",
    "pending": " AND starts_at > %s AND ends_at > %s AND ended_at IS NULL",
    "expired": " AND (ends_at <= %s OR ended_at <= %s)",
    "all": "",
}
END = """
UPDATE schedule_override SET ended_at = %s
WHERE tenant = %s AND id = %s AND ended_at IS NULL AND ends_at > %s
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """Who stands in where, from when to when, and why."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime
    note: str = ""


def of(
    tx: Transaction, tenants: Sequence[int], since: datetime, until: datetime
) -> dict[int, list[oncall.Override]]:
    """The overrides in force at some time from `since` to `until`, both included, by tenant."""
    found: dict[int, list[oncall.Override]] = {tenant: [] for tenant in tenants}
    for row in tx.rows(OF, [list(tenants), since, until, since]):
        found[row["tenant"]].append(
            oncall.Override(
                row["schedule"], row["person"], row["starts_at"], row["until"], row["id"]
            )
        )
    return found


def create(tx: Transaction, tenant: int, terms: Terms, by: str) -> uuid.UUID:
    """Store one that was checked; returns its id."""
    made = ids.new(tx.now)
    tx.run(
        "INSERT INTO schedule_override (tenant, id, schedule, person, starts_at, ends_at,"
        " created_by, created_at, note) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [tenant, made, terms.schedule, terms.person, terms.starts_at, terms.ends_at, by, tx.now,
         terms.note],
    )  # fmt: skip
    return made


def get(tx: Transaction, tenant: int, override: uuid.UUID) -> DictRow | None:
    return tx.row(SELECT + " AND id = %s", [tenant, override])


def listed(
    tx: Transaction, tenant: int, *, state: str = "all", schedule: str | None = None,
    after: uuid.UUID | None = None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Those in this state now (active, pending, expired, all), newest first."""
    sql = SELECT + STATES[state]
    params: list[Any] = [tenant, *[tx.now] * STATES[state].count("%s")]
    for condition, value in ((" AND schedule = %s", schedule), (" AND id < %s", after)):
        if value is not None:
            sql += condition
            params.append(value)
    return tx.rows(sql + " ORDER BY id DESC LIMIT %s", [*params, limit])


def end(tx: Transaction, tenant: int, override: uuid.UUID) -> bool:
    """End one now, or call it off; False where it was over before."""
    return bool(tx.run(END, [tx.now, tenant, override, tx.now]))
