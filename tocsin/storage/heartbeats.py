"""What must be heard again and again: pings that came, and what the policy wants to hear."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
import psycopg
from psycopg.rows import DictRow

from tocsin.domain import heartbeats
from tocsin.storage import inbox, timers
from tocsin.storage.record import Transaction

TIMER = "heartbeat"
#: The subject of the timer that says that the policy changed, and of those of heartbeats.
POLICY, BEAT = "policy", "beat "
#: Whoever takes pings says so this often; after this long without it nobody heard anything.
TICK, GAP = timedelta(seconds=2), timedelta(seconds=10)

Row = dict[str, Any]
#: (tenant, name)
Key = tuple[int, str]

#: One statement, so that the ingest has one round trip. What was down, or is heard of for the
#: first time, or fails or starts, is looked at at once; else the timer moves when it falls due.
_PINGED = """
WITH given AS MATERIALIZED (
  SELECT r.*, tocsin_now() - make_interval(secs => ago) AS at,
    tocsin_now() - make_interval(secs => success) AS success_at,
    tocsin_now() - make_interval(secs => fail) AS failed_at,
    tocsin_now() - make_interval(secs => start) AS started_at
  FROM json_to_recordset(%(items)s) AS r (tenant bigint, key text, pings bigint, ago float8,
    success float8, fail float8, start float8, kind text, status bigint, source text, agent text,
    message text)),
held AS MATERIALIZED (
  SELECT h.tenant, h.name, h.last_at, h.down_since FROM heartbeat h
  JOIN given g ON g.tenant = h.tenant AND g.key = h.KEY
  WHERE h.gone_at IS NULL ORDER BY h.tenant, h.name FOR UPDATE OF h),
hit AS (
  UPDATE heartbeat h SET pings = h.pings + g.pings,
    took = CASE WHEN greatest(g.success_at, g.failed_at) >= greatest(h.started_at, g.started_at)
        AND greatest(h.started_at, g.started_at)
          > coalesce(greatest(h.success_at, h.failed_at), '-infinity')
      THEN 1000 * extract(epoch FROM greatest(g.success_at, g.failed_at)
        - greatest(h.started_at, g.started_at)) ELSE h.took END,
    success_at = greatest(h.success_at, g.success_at),
    failed_at = greatest(h.failed_at, g.failed_at),
    started_at = greatest(h.started_at, g.started_at),
    last_at = greatest(h.last_at, g.at), last_kind = g.kind, last_status = g.status,
    last_from = g.source, last_agent = g.agent,
    message = coalesce(decode(g.message, 'base64'), h.message)
  FROM held, given g
  WHERE h.tenant = held.tenant AND h.name = held.name AND g.tenant = h.tenant AND g.key = h.KEY
  RETURNING h.tenant, h.name, g.key, held.last_at IS NULL OR held.down_since IS NOT NULL
    OR g.failed_at IS NOT NULL OR g.started_at IS NOT NULL AS news),
woken AS (
  INSERT INTO timer (tenant, kind, subject, due_at)
  SELECT tenant, 'heartbeat', 'beat ' || name, tocsin_now() FROM hit WHERE news ORDER BY 1, 3
  ON CONFLICT (tenant, kind, subject) DO UPDATE SET due_at = excluded.due_at
  WHERE excluded.due_at < timer.due_at)
SELECT tenant, key, news FROM hit
"""
BY_ID, BY_NAME = _PINGED.replace("h.KEY", "h.id"), _PINGED.replace("h.KEY", "h.name")
LAY = """
INSERT INTO heartbeat AS h (tenant, name, id, plan, planned_at)
SELECT tenant, name, id, plan, %(now)s FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, name text, id text, plan text) ORDER BY tenant, name
ON CONFLICT (tenant, name) DO UPDATE SET plan = excluded.plan, gone_at = NULL,
  planned_at = CASE WHEN h.plan <> excluded.plan OR h.gone_at IS NOT NULL
    THEN excluded.planned_at ELSE h.planned_at END
"""
LOCK = """
SELECT h.* FROM heartbeat h
JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, name)
  ON h.tenant = k.tenant AND h.name = k.name
WHERE h.gone_at IS NULL ORDER BY h.tenant, h.name FOR UPDATE OF h
"""
WRITE = """
UPDATE heartbeat h SET down_since = r.down_since, cause = r.cause, told = r.told
FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, name text, down_since timestamptz, cause text, told text)
WHERE h.tenant = r.tenant AND h.name = r.name
"""
GONE = """
UPDATE heartbeat SET gone_at = %s, down_since = NULL, cause = NULL, told = NULL
WHERE tenant = %s AND name = ANY(%s)
"""
#: A short silence between two long ones is none in which everybody would have been heard.
HEAR = """
INSERT INTO hearing AS h (one, heard_at) VALUES (true, now())
ON CONFLICT (one) DO UPDATE SET heard_at = now(),
  deaf_since = CASE WHEN now() - h.heard_at <= %(gap)s THEN h.deaf_since
    WHEN tocsin_now() - (now() - h.heard_at) - h.deaf_until < interval '2 minutes' THEN h.deaf_since
    ELSE tocsin_now() - (now() - h.heard_at) END,
  deaf_until = CASE WHEN now() - h.heard_at <= %(gap)s THEN h.deaf_until ELSE tocsin_now() END
WHERE h.heard_at < now() - interval '1 second'
"""


class Ping(NamedTuple):
    """A sign of life, so many seconds ago; `source` and `agent` say whose. `message` is sealed."""

    kind: heartbeats.Kind
    ago: float
    status: int | None = None
    source: str = ""
    agent: str = ""
    message: bytes | None = None
    times: int = 1


def folded(tenant: int, key: str, pings: Sequence[Ping]) -> Row:
    """All pings of one heartbeat that come together, for `BY_ID` or `BY_NAME`."""
    last = min(pings, key=lambda ping: ping.ago)
    latest = {
        kind: min((ping.ago for ping in pings if ping.kind == kind), default=None)
        for kind in ("success", "fail", "start")
    }
    said = min((ping for ping in pings if ping.message), key=lambda ping: ping.ago, default=last)
    message = base64.b64encode(said.message).decode() if said.message else None
    return {
        "tenant": tenant, "key": key, "pings": sum(ping.times for ping in pings), **latest,
        "ago": last.ago, "kind": last.kind, "status": last.status, "source": last.source,
        "agent": last.agent, "message": message,
    }  # fmt: skip


async def ping_by_id(
    conn: psycopg.AsyncConnection[DictRow], items: Sequence[Row]
) -> set[tuple[int, str]]:
    """Note folded pings by the ids that addresses name; returns those that there are."""
    found = await conn.execute(BY_ID, {"items": orjson.dumps(items).decode()})
    return {(row["tenant"], row["key"]) for row in await found.fetchall()}


def ping(tx: Transaction, items: Sequence[Row]) -> bool:
    """Note folded pings by name; True where `miss` is to be rung."""
    return any(row["news"] for row in tx.many(BY_NAME, items))


async def hear(conn: psycopg.AsyncConnection[DictRow]) -> None:
    """Note that pings can be taken now."""
    await conn.execute(HEAR, {"gap": GAP})


def deaf(tx: Transaction) -> heartbeats.Deaf | None:
    """When nothing could be heard, the last time; it may go on."""
    row = tx.row("SELECT now() - heard_at AS silent, deaf_since, deaf_until FROM hearing")
    if row is None:
        return None
    if row["silent"] > GAP:
        return heartbeats.Deaf(tx.now - row["silent"], tx.now)
    if row["deaf_since"] is None:
        return None
    return heartbeats.Deaf(row["deaf_since"], row["deaf_until"])


def lay(tx: Transaction, tenant: int, wanted: Sequence[heartbeats.Heartbeat]) -> list[Row]:
    """Make the heartbeats those of the policy; returns, locked, those that are none any more.

    Each keeps its address, also one that comes back after a while.
    """
    tx.many(
        LAY,
        [
            {"tenant": tenant, "name": each.name, "id": new_id(), "plan": written(each.rhythm)}
            for each in wanted
        ],
        {"now": tx.now},
    )
    names = [each.name for each in wanted]
    gone = tx.rows(
        "SELECT * FROM heartbeat WHERE tenant = %s AND gone_at IS NULL AND name <> ALL(%s)"
        " ORDER BY name FOR UPDATE",
        [tenant, names],
    )
    if gone:
        tx.run(GONE, [tx.now, tenant, [row["name"] for row in gone]])
    timers.drop(tx, TIMER, [subject(row) for row in gone])
    wake(tx, [(tenant, name) for name in sorted(names)])
    return gone


def lock(tx: Transaction, keys: Iterable[Key]) -> list[Row]:
    """These heartbeats, those that are gone left out."""
    listed_keys = sorted(set(keys))
    return tx.rows(LOCK, [[key[0] for key in listed_keys], [key[1] for key in listed_keys]])


def listed(tx: Transaction, tenant: int, name: str | None = None) -> list[Row]:
    """The heartbeats of a tenant, or the one of this name."""
    sql = "SELECT * FROM heartbeat WHERE tenant = %s AND gone_at IS NULL"
    if name is None:
        return tx.rows(sql + " ORDER BY name", [tenant])
    return tx.rows(sql + " AND name = %s", [tenant, name])


def every(tx: Transaction) -> list[Row]:
    """Those of all tenants that this transaction sees, each with its tenant's `slug`."""
    return tx.rows(
        "SELECT t.slug, h.* FROM heartbeat h JOIN tenant t ON t.id = h.tenant"
        " WHERE h.gone_at IS NULL"
    )


def write(tx: Transaction, rows: Sequence[Row]) -> None:
    """Store what was told of these, which the caller has locked."""
    tx.many(WRITE, [{k: row[k] for k in ("tenant", "name", "down_since", "cause", "told")}
                    for row in rows])  # fmt: skip


def wake(tx: Transaction, keys: Sequence[Key]) -> None:
    """Have these looked at now."""
    items = [{"tenant": tenant, "subject": BEAT + name, "due_at": tx.now} for tenant, name in keys]
    timers.exactly(tx, TIMER, items)


def pause(tx: Transaction, row: Row, by: str) -> None:
    """Expect nothing of it until it is resumed."""
    tx.run(
        "UPDATE heartbeat SET paused_at = %s, paused_by = %s WHERE tenant = %s AND name = %s"
        " AND paused_at IS NULL",
        [tx.now, by, row["tenant"], row["name"]],
    )
    wake(tx, [(row["tenant"], row["name"])])


def resume(tx: Transaction, row: Row) -> None:
    """Expect it again, from now on; what was before is forgiven."""
    tx.run(
        "UPDATE heartbeat SET paused_at = NULL, paused_by = NULL, resumed_at = %s"
        " WHERE tenant = %s AND name = %s AND paused_at IS NOT NULL",
        [tx.now, row["tenant"], row["name"]],
    )
    wake(tx, [(row["tenant"], row["name"])])


def rotate(tx: Transaction, row: Row) -> None:
    """Give it another address; the old one is nobody's from now on."""
    tx.run(
        "UPDATE heartbeat SET id = %s WHERE tenant = %s AND name = %s",
        [new_id(), row["tenant"], row["name"]],
    )


def unread(tx: Transaction, tenants: Sequence[int], since: timedelta) -> dict[int, Any]:
    """Since when alerts of these tenants wait to be read: one of them may be a ping."""
    found = tx.rows(
        "SELECT tenant, min(received_at) AS at FROM inbox WHERE tenant = ANY(%s) AND stage = %s"
        " AND received_at > %s GROUP BY tenant",
        [list(tenants), "dedup", tx.now - since],
    )
    return {row["tenant"]: row["at"] for row in found}


def over(row: Row) -> tuple[int, Row] | None:
    """The end of the alert that was raised about it, for `inbox.raise_own`."""
    if row["told"] is None:
        return None
    return row["tenant"], {**orjson.loads(row["told"]), "status": "resolved"}


def end(tx: Transaction, rows: Iterable[Row]) -> bool:
    """End the alerts about these; True where there were some."""
    items = [item for row in rows if (item := over(row))]
    inbox.raise_own(tx, items)
    return bool(items)


def subject(row: Row) -> Row:
    """Of whom its timer is."""
    return {"tenant": row["tenant"], "subject": BEAT + row["name"]}


def written(rhythm: heartbeats.Rhythm) -> str:
    """A rhythm as the record has it."""
    every_ms = round(rhythm.every / timedelta(milliseconds=1)) if rhythm.every else None
    grace = round(rhythm.grace / timedelta(milliseconds=1))
    plan = {"every": every_ms, "cron": rhythm.cron, "zone": rhythm.zone, "grace": grace}
    return orjson.dumps(plan).decode()


def rhythm(row: Row) -> heartbeats.Rhythm:
    """The rhythm of a row."""
    plan = orjson.loads(row["plan"])
    return heartbeats.Rhythm(
        timedelta(milliseconds=plan["every"]) if plan["every"] else None,
        plan["cron"], plan["zone"], timedelta(milliseconds=plan["grace"]),
    )  # fmt: skip


def facts(row: Row) -> heartbeats.Facts:
    """What a row knows."""
    return heartbeats.Facts(
        success_at=row["success_at"], failed_at=row["failed_at"], started_at=row["started_at"],
        planned_at=row["planned_at"], paused_at=row["paused_at"], resumed_at=row["resumed_at"],
        down_since=row["down_since"], cause=row["cause"],
    )  # fmt: skip


def new_id() -> str:
    """What nobody guesses, so that an old address says nothing of the new one."""
    return secrets.token_hex(10)
