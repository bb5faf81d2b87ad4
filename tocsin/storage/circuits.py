"""Circuits of destinations: what failed in a row, and the deliveries that wait for the next try.

The record alone knows them, so all processes agree and nothing is lost with Redis. Lock the
delivery first, then its circuit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tocsin.domain import backoff, circuit
from tocsin.storage.record import Transaction

Row = Mapping[str, Any]

WHERE = " WHERE tenant = %(tenant)s AND channel = %(channel)s AND destination = %(destination)s"
BEGIN = """
INSERT INTO circuit (tenant, channel, destination, changed_at)
VALUES (%(tenant)s, %(channel)s, %(destination)s, %(now)s) ON CONFLICT DO NOTHING
"""
WRITE = (
    "UPDATE circuit SET failures = %(failures)s, probes = %(probes)s, since = %(since)s,"
    " opened_at = %(opened_at)s, probe_at = %(probe_at)s, cause = %(cause)s, changed_at = %(now)s"
    + WHERE
)
#: Whoever holds one of these rows is about to look at the circuit, and finds it closed.
RELEASE = """
UPDATE delivery SET held = false, due_at = %(now)s WHERE tenant = %(tenant)s AND id = ANY(ARRAY(
  SELECT id FROM delivery WHERE tenant = %(tenant)s AND channel = %(channel)s
    AND destination = %(destination)s AND held AND state IN ('pending', 'sending')
  ORDER BY id FOR UPDATE SKIP LOCKED))
"""
#: Those that gave over already have nothing to do but wait.
REST = """
UPDATE delivery SET due_at = %(probe_at)s, cause = %(cause)s
WHERE tenant = %(tenant)s AND id = ANY(ARRAY(
  SELECT id FROM delivery WHERE tenant = %(tenant)s AND channel = %(channel)s
    AND destination = %(destination)s AND held AND state = 'pending' AND due_at <= %(now)s
    AND gave_over_at IS NOT NULL AND created_at > %(old)s ORDER BY id FOR UPDATE SKIP LOCKED))
"""
SHOWN = """
SELECT t.slug, c.* FROM circuit c JOIN tenant t ON t.id = c.tenant
ORDER BY t.slug, c.channel, c.destination
"""


def troubled(tx: Transaction, delivery: Row) -> circuit.Circuit | None:
    """The circuit of this delivery's destination, locked; None where nothing failed lately."""
    row = tx.row(
        "SELECT * FROM circuit" + WHERE + " AND failures > 0 FOR UPDATE", _key(tx, delivery)
    )
    return circuit.of(row) if row else None


def locked(tx: Transaction, delivery: Row) -> circuit.Circuit:
    """The same, made where there is none yet."""
    tx.run(BEGIN, _key(tx, delivery))
    row = tx.row("SELECT * FROM circuit" + WHERE + " FOR UPDATE", _key(tx, delivery))
    assert row is not None
    return circuit.of(row)


def write(tx: Transaction, delivery: Row, known: circuit.Circuit) -> None:
    """Store the locked circuit of this delivery's destination."""
    tx.run(WRITE, {
        **_key(tx, delivery), "failures": known.failures, "probes": known.probes,
        "since": known.since, "opened_at": known.opened_at, "probe_at": known.probe_at,
        "cause": known.cause,
    })  # fmt: skip


def is_open(tx: Transaction, tenant: int, channel: str, destination: str) -> bool:
    """Whether nothing but probes goes there now; without a lock."""
    key = {"tenant": tenant, "channel": channel, "destination": destination}
    return bool(tx.rows("SELECT 1 FROM circuit" + WHERE + " AND opened_at IS NOT NULL", key))


def release(tx: Transaction, delivery: Row) -> None:
    """Let all that waits for this destination go."""
    tx.run(RELEASE, _key(tx, delivery))


def hold_rest(tx: Transaction, delivery: Row, known: circuit.Circuit, cause: str) -> None:
    """Put off all that waits for this destination and has given over, unless it is to be dead."""
    old = tx.now - backoff.MAX_AGE
    tx.run(REST, {**_key(tx, delivery), "probe_at": known.probe_at, "cause": cause, "old": old})


def shown(tx: Transaction) -> list[dict[str, Any]]:
    """All circuits that ever opened or count failures, of the tenants of this transaction."""
    return tx.rows(SHOWN)


def forget(tx: Transaction, age: timedelta) -> None:
    """Drop what nothing was sent to for so long."""
    tx.run("DELETE FROM circuit WHERE changed_at < %s", [tx.now - age])


def _key(tx: Transaction, delivery: Row) -> dict[str, Any]:
    return {**{name: delivery[name] for name in ("tenant", "channel", "destination")},
            "now": tx.now}  # fmt: skip
