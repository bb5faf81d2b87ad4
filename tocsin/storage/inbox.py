"""Claiming what waits in the inbox, and taking poison out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from tocsin import ids as identifiers
from tocsin.storage import events
from tocsin.storage.record import Record, Transaction

#: A tenant with more alerts than this in front of a stage is heavy and claimed apart.
LIGHT = 200
#: How long a queue of one tenant is looked at to say how much waits.
COUNTED = 10_000


def claim(
    tx: Transaction, stage: str, alerts: int, rows: int, suspects: bool, heavy: bool = False
) -> list[dict[str, Any]]:
    """Take rows out of the inbox, in the transaction that writes what becomes of them.

    Those of light tenants, or, if there are none or `heavy` says so, of heavy ones: see `light`.
    `behind` is how many alerts of a heavy tenant waited, these included.
    """
    return tx.rows(
        "SELECT * FROM claim_work(%s, %s, %s, %s, %s, %s, %s) ORDER BY id",
        [stage, alerts, rows, suspects, heavy, LIGHT, COUNTED],
    )


def waiting(tx: Transaction, tenant: int, stage: str) -> int:
    """How many alerts of a tenant wait for a stage, as far as `claim` counts."""
    row = tx.row(
        "SELECT coalesce(sum(alerts), 0) AS n FROM (SELECT alerts FROM inbox"
        " WHERE tenant = %s AND stage = %s LIMIT %s) AS few",
        [tenant, stage, COUNTED],
    )
    return int(row["n"]) if row else 0


def hand_on(
    tx: Transaction, stage: str, parcels: Iterable[tuple[int, list[int], datetime]]
) -> None:
    """Leave events for a later stage: (tenant, event ids, since when)."""
    for tenant, changes, since in parcels:
        tx.run(
            "INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, queued_at, events)"
            " VALUES (%s, %s, true, %s, %s, %s, %s)",
            [tenant, stage, len(changes), since, tx.now, changes],
        )


def note(record: Record, tx: Transaction, worker: str, ids: list[int]) -> None:
    """Write down what the transaction `tx` of this worker holds, whatever becomes of it."""
    backend = tx.conn.info.backend_pid
    with record.session(()) as own:
        own.run(
            "INSERT INTO drain_note (worker, ids, noted_at, backend) VALUES (%s, %s, now(), %s)"
            " ON CONFLICT (worker) DO UPDATE SET ids = excluded.ids, noted_at = excluded.noted_at,"
            " backend = excluded.backend",
            [worker, ids, backend],
        )


def drop_note(record: Record, worker: str) -> None:
    """The worker lives: what it holds no more it can do again, or say itself what is wrong."""
    with record.session(()) as own:
        forget_note(own, worker)


def forget_note(tx: Transaction, worker: str) -> None:
    tx.run("UPDATE drain_note SET ids = '{}' WHERE worker = %s", [worker])


def suspect(tx: Transaction, ids: list[int]) -> None:
    """Count one more failure for these rows; from now on each runs alone."""
    tx.run("SELECT suspect_inbox(%s)", [ids])


def take(tx: Transaction, row: dict[str, Any]) -> bool:
    """Take one known row out of the inbox; False where somebody else has it."""
    return bool(
        tx.run("DELETE FROM inbox WHERE tenant = %s AND id = %s", [row["tenant"], row["id"]])
    )


def bury(tx: Transaction, row: dict[str, Any], reason: str) -> None:
    """Put a poisonous row, taken in this transaction, into the quarantine, and page about it."""
    tx.run(
        "INSERT INTO quarantine (tenant, id, received_at, source, field, reason, alerts, body)"
        " SELECT %s, %s, %s, coalesce(max(i.source), 'pipeline'), 'drain', %s, %s,"
        " coalesce((array_agg(i.body))[1], '') FROM intake i"
        " WHERE i.tenant = %s AND i.id = %s AND i.received_at >= %s",
        [
            row["tenant"], identifiers.new(tx.now), row["received_at"],
            reason.replace("\0", "")[:1000], row["alerts"], row["tenant"],
            row["intake_id"], row["received_at"],
        ],
    )  # fmt: skip
    if row["intake_id"] is not None:
        tx.run(
            "INSERT INTO tally (tenant, name, labels, value)"
            " VALUES (%s, 'alerts_quarantined_total', 'drain', %s)",
            [row["tenant"], row["alerts"]],
        )
    if row["events"]:
        ended = {"tenant": row["tenant"], "outcome": "quarantined", "cause": "drain"}
        events.settle(tx, [{**ended, "id": id} for id in row["events"]], row["received_at"])
    if row["own"] is not None:
        return  # an alarm about an alarm would go on for ever
    summary = "Alerts that crash their worker were taken out of the pipeline"
    page(tx, row["tenant"], "TocsinQuarantined", summary, f"{reason} (tocsin quarantine list)")


def page(tx: Transaction, tenant: int, alertname: str, summary: str, description: str) -> None:
    """Raise an alert of Tocsin's own, which takes the ordinary way: nothing fails silently."""
    labels = {"alertname": alertname, "severity": "critical", "job": "tocsin"}
    annotations = {"summary": summary, "description": description[:500]}
    # It has no intake: `dedup` reads it from the row itself.
    tx.run(
        "INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, own)"
        " VALUES (%s, 'dedup', true, 1, tocsin_now(), %s)",
        [tenant, orjson.dumps({"labels": labels, "annotations": annotations}).decode()],
    )


def raise_own(tx: Transaction, items: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Raise, or end, alerts of our own: (tenant, {labels, annotations, status, source}).

    They take the ordinary way, beginning with the next drain.
    """
    tx.many(
        "INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, own)"
        " SELECT tenant, 'dedup', true, 1, %(now)s, own FROM json_to_recordset(%(items)s)"
        " AS r (n int, tenant bigint, own text) ORDER BY n",
        [
            {"n": n, "tenant": tenant, "own": orjson.dumps(own).decode()}
            for n, (tenant, own) in enumerate(items)
        ],
        {"now": tx.now},
    )


def hand_repeats_on(tx: Transaction, stage: str, parcels: Mapping[int, list[list[Any]]]) -> None:
    """Leave what was repeated for a later stage that counts: [fingerprint, times, first, last]."""
    tx.many(
        "INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, own)"
        " SELECT tenant, %(stage)s, false, alerts, %(now)s, own"
        " FROM json_to_recordset(%(items)s) AS r (tenant bigint, alerts int, own text)"
        " ORDER BY tenant",
        [
            {"tenant": tenant, "alerts": len(some), "own": orjson.dumps(some).decode()}
            for tenant, some in parcels.items()
        ],
        {"now": tx.now, "stage": stage},
    )
