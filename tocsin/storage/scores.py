"""Anomaly scores: what waits for one, what is remembered of streams, and the scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from tocsin.storage.record import Transaction

Key = tuple[int, str]

LEAVE = """
INSERT INTO score_waiting (tenant, events, since)
SELECT r.tenant, ARRAY(SELECT json_array_elements_text(r.events)::bigint), r.since
FROM json_to_recordset(%(items)s) AS r (tenant bigint, events json, since timestamptz)
"""
#: What features are made of; the labels are the original ones, which make the identity.
EVENTS = """
SELECT e.tenant, e.id, e.received_at, e.fingerprint, e.kind, e.status, e.severity AS said,
  a.status AS is_now, a.labels, a.annotations, a.extra, a.added, a.ruled, a.source, a.starts_at,
  a.ends_at, a.severity
FROM {events} e JOIN alert a ON a.tenant = e.tenant AND a.fingerprint = e.fingerprint
"""
#: First the page, then its alerts: there may be a thousand times as many to sort.
PAGE = """(SELECT * FROM alert_event WHERE tenant = %s AND received_at >= %s AND id < %s AND posted
  AND kind IN ('new', 'refired', 'resolved') ORDER BY id DESC LIMIT %s)"""
STORE = """
INSERT INTO alert_score (tenant, fingerprint, event, starts_at, value, anomaly, cause, reasons,
                         model, scored_at)
SELECT tenant, fingerprint, event, starts_at, value, anomaly, cause, reasons, model, %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, fingerprint text, event bigint,
  starts_at timestamptz, value float8, anomaly boolean, cause text, reasons text, model bigint)
ORDER BY tenant, fingerprint
ON CONFLICT (tenant, fingerprint) DO UPDATE SET event = excluded.event,
  starts_at = excluded.starts_at, value = excluded.value, anomaly = excluded.anomaly,
  cause = excluded.cause,
  reasons = excluded.reasons, model = excluded.model, scored_at = excluded.scored_at
"""
REMEMBER = """
INSERT INTO score_stream (tenant, key, state, updated_at)
SELECT tenant, key, state, %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, key text, state text)
ORDER BY tenant, key
ON CONFLICT (tenant, key) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
"""


def leave(tx: Transaction, parcels: Iterable[tuple[int, list[int], datetime]]) -> None:
    """Leave events to be scored: (tenant, event ids, none of them received before)."""
    tx.many(
        LEAVE,
        [{"tenant": tenant, "events": ids, "since": since} for tenant, ids, since in parcels],
    )


def claim(tx: Transaction, limit: int) -> list[dict[str, Any]]:
    """Take out what waits, in the transaction that stores the scores."""
    return tx.rows("SELECT * FROM claim_scores(%s) ORDER BY tenant, id", [limit])


def lock(tx: Transaction, tenants: Collection[int], train_at: datetime) -> list[dict[str, Any]]:
    """Lock what scores these tenants; those that had none get it, to be trained at `train_at`."""
    ordered = sorted(tenants)
    tx.run(
        "INSERT INTO scoring (tenant, train_at) SELECT t, %s FROM unnest(%s::bigint[]) AS t"
        " ORDER BY t ON CONFLICT DO NOTHING",
        [train_at, ordered],
    )
    return tx.rows(
        "SELECT tenant, active, crowd, train_at FROM scoring WHERE tenant = ANY(%s)"
        " ORDER BY tenant FOR UPDATE",
        [ordered],
    )


def crowds(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write {tenant, crowd} of locked rows."""
    tx.many(
        "UPDATE scoring s SET crowd = r.crowd FROM json_to_recordset(%(items)s)"
        " AS r (tenant bigint, crowd text) WHERE s.tenant = r.tenant",
        items,
    )


def streams(tx: Transaction, keys: Collection[Key]) -> dict[Key, str]:
    """What is remembered of these streams; the row of their tenant is locked."""
    ordered = sorted(keys)
    found = tx.rows(
        "SELECT s.tenant, s.key, s.state FROM score_stream s"
        " JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, key)"
        " ON s.tenant = k.tenant AND s.key = k.key",
        [[tenant for tenant, _ in ordered], [key for _, key in ordered]],
    )
    return {(row["tenant"], row["key"]): row["state"] for row in found}


def remember(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write {tenant, key, state} of streams."""
    tx.many(REMEMBER, items, {"now": tx.now})


def forget_streams(tx: Transaction, tenant: int, before: datetime) -> None:
    """Forget streams in which nothing came since."""
    tx.run("DELETE FROM score_stream WHERE tenant = %s AND updated_at < %s", [tenant, before])


def events(tx: Transaction, ids: list[int], since: datetime) -> list[dict[str, Any]]:
    """These events with their alerts, in the order in which they happened."""
    return tx.rows(
        EVENTS.format(events="alert_event")
        + " WHERE e.id = ANY(%s) AND e.received_at >= %s ORDER BY e.id",
        [ids, since],
    )


def history(
    tx: Transaction, tenant: int, since: datetime, before: int, limit: int
) -> list[dict[str, Any]]:
    """A page of what scoring would have seen since then, the latest first, below an id."""
    return tx.rows(
        EVENTS.format(events=PAGE) + " ORDER BY e.id DESC",
        [tenant, since, before, limit],
    )


def store(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write {tenant, fingerprint, event, starts_at, value, anomaly, cause, reasons, model}."""
    tx.many(STORE, items, {"now": tx.now})


def of(tx: Transaction, keys: Collection[Key]) -> dict[Key, dict[str, Any]]:
    """The scores of these alerts, by (tenant, fingerprint)."""
    if not keys:
        return {}
    ordered = sorted(keys)
    found = tx.rows(
        "SELECT s.tenant, s.fingerprint, s.event, s.starts_at, s.value, s.anomaly, s.cause,"
        " s.reasons, s.model, s.scored_at FROM alert_score s"
        " JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, fingerprint)"
        " ON s.tenant = k.tenant AND s.fingerprint = k.fingerprint",
        [[tenant for tenant, _ in ordered], [mark for _, mark in ordered]],
    )
    return {(row["tenant"], row["fingerprint"]): row for row in found}


def newest_firing(tx: Transaction, tenant: int, fingerprint: str) -> int | None:
    """The event with which an alert last began to fire."""
    row = tx.row(
        "SELECT max(id) AS id FROM alert_event WHERE tenant = %s AND fingerprint = %s"
        " AND kind IN ('new', 'refired') AND status = 'firing'",
        [tenant, fingerprint],
    )
    return row["id"] if row else None


def say(tx: Transaction, item: dict[str, Any]) -> None:
    """Store a verdict {tenant, fingerprint, event, verdict, note, author}; the last one counts."""
    tx.run(
        "INSERT INTO score_feedback (tenant, fingerprint, event, verdict, note, author, at)"
        " VALUES (%(tenant)s, %(fingerprint)s, %(event)s, %(verdict)s, %(note)s, %(author)s,"
        " %(at)s) ON CONFLICT (tenant, fingerprint, event) DO UPDATE SET"
        " verdict = excluded.verdict, note = excluded.note, author = excluded.author,"
        " at = excluded.at",
        {**item, "at": tx.now},
    )


def feedback(tx: Transaction, tenant: int, since: datetime, limit: int) -> list[dict[str, Any]]:
    """The newest verdicts, those of the latest first."""
    return tx.rows(
        "SELECT fingerprint, event, verdict FROM score_feedback WHERE tenant = %s AND at >= %s"
        " ORDER BY at DESC LIMIT %s",
        [tenant, since, limit],
    )
