"""What was accepted (the intake) and that it waits (the inbox): both in one statement."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import DictRow

from tocsin import ids
from tocsin.storage.record import Transaction

#: The stage that a fresh batch enters.
FIRST = "dedup"


class Accepted(NamedTuple):
    """One request's batch. `body` is sealed, compressed msgpack of schemas.alert.Batch."""

    tenant: int
    source: str
    alerts: int
    urgent: bool
    body: bytes
    traceparent: str | None = None


class Refused(NamedTuple):
    """One alert that could not be read. `body` is its sealed original."""

    tenant: int
    source: str
    field: str
    reason: str
    body: bytes


class Load(NamedTuple):
    """Whether the installation as a whole is behind, and for how long the oldest batch waits."""

    behind: bool
    seconds: float


APPEND = """
WITH rows AS MATERIALIZED (
  SELECT nextval('intake_id') AS id, r.* FROM unnest(%b::bigint[], %b::text[], %b::int[],
    %b::boolean[], %b::bytea[], %b::text[]) AS r (tenant, source, alerts, urgent, body, trace)),
kept AS (
  INSERT INTO intake (tenant, id, received_at, source, alerts, body)
  SELECT tenant, id, tocsin_now(), source, alerts, body FROM rows),
counted AS (
  INSERT INTO tally (tenant, name, labels, value)
  SELECT tenant, 'alerts_accepted_total', source, sum(alerts) FROM rows GROUP BY tenant, source)
INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, intake_id, traceparent)
SELECT tenant, %s, urgent, alerts, tocsin_now(), id, trace FROM rows
"""

QUARANTINE = """
WITH rows AS MATERIALIZED (
  SELECT r.* FROM unnest(%b::bigint[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::bytea[])
    AS r (tenant, id, source, field, reason, body)),
counted AS (
  INSERT INTO tally (tenant, name, labels, value)
  SELECT tenant, n.name, CASE n.name WHEN 'alerts_accepted_total' THEN source ELSE 'ingest' END,
    count(*)
  FROM rows, (VALUES ('alerts_accepted_total'), ('alerts_quarantined_total')) AS n (name)
  GROUP BY 1, 2, 3)
INSERT INTO quarantine (tenant, id, received_at, source, field, reason, alerts, body)
SELECT tenant, id, tocsin_now(), source, field, reason, 1, body FROM rows
"""


async def look(
    conn: psycopg.AsyncConnection[DictRow], light: int, bound: float
) -> tuple[datetime, Load]:
    """The time of the record, and how far behind it is; `bound`: so many seconds are too long."""
    row = await (
        await conn.execute(
            "SELECT tocsin_now() AS now, behind, seconds FROM inbox_load(%s, %s, %s)",
            [FIRST, light, bound],
        )
    ).fetchone()
    assert row is not None
    return row["now"], Load(row["behind"], row["seconds"])


async def append(
    conn: psycopg.AsyncConnection[DictRow], accepted: Sequence[Accepted], refused: Sequence[Refused]
) -> None:
    """Store all in the open transaction, which must be scoped to all their tenants."""
    if accepted:
        columns = [list(column) for column in zip(*accepted, strict=True)]
        await conn.execute(APPEND, [*columns, FIRST])
    if refused:
        now = datetime.now().astimezone()  # only the order of the ids hangs on it
        keyed = [(r.tenant, ids.new(now), *r[1:]) for r in refused]
        await conn.execute(QUARANTINE, [list(column) for column in zip(*keyed, strict=True)])


def append_now(tx: Transaction, accepted: Accepted) -> None:
    """The same for a replay at the command line."""
    tx.run(APPEND, [*([value] for value in accepted), FIRST])


def bodies(tx: Transaction, ids: list[int], since: datetime) -> dict[int, dict[str, Any]]:
    """Bodies of the intake by id; `since` prunes the partitions."""
    found = tx.rows(
        "SELECT id, tenant, source, received_at, body FROM intake"
        " WHERE id = ANY(%s) AND received_at >= %s",
        [ids, since],
    )
    return {row["id"]: row for row in found}


def quarantined(tx: Transaction, tenant: int, limit: int = 100) -> list[dict[str, Any]]:
    """The newest rows of the quarantine, without their bodies."""
    return tx.rows(
        "SELECT id, received_at, source, field, reason, alerts, replayed_at FROM quarantine"
        " WHERE tenant = %s ORDER BY received_at DESC LIMIT %s",
        [tenant, limit],
    )


def quarantined_body(tx: Transaction, tenant: int, row: uuid.UUID) -> dict[str, Any] | None:
    return tx.row(
        "SELECT * FROM quarantine WHERE tenant = %s AND id = %s FOR UPDATE", [tenant, row]
    )


def mark_replayed(tx: Transaction, tenant: int, row: uuid.UUID) -> None:
    tx.run(
        "UPDATE quarantine SET replayed_at = %s WHERE tenant = %s AND id = %s",
        [tx.now, tenant, row],
    )
