"""What timers a worker holds, written down outside of the transaction that acts on them.

A process that dies leaves its note behind, and what it held is suspect until it has been done once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tocsin.storage import timers
from tocsin.storage.record import Record, Transaction


class Subject(NamedTuple):
    """A timer: of which tenant, and of what."""

    tenant: int
    subject: str


NOTE = """
INSERT INTO work_note (worker, kind, backend, tenants, subjects, noted_at)
VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT (worker) DO UPDATE SET kind = excluded.kind,
  backend = excluded.backend, tenants = excluded.tenants, subjects = excluded.subjects,
  noted_at = excluded.noted_at
"""
SUSPECTS = """
SELECT s.tenant, s.subject, s.deaths FROM suspect s
JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, subject)
  ON s.tenant = k.tenant AND s.subject = k.subject
WHERE s.kind = %s
"""
CLEAR = """
DELETE FROM suspect s USING unnest(%s::bigint[], %s::text[]) AS k (tenant, subject)
WHERE s.tenant = k.tenant AND s.subject = k.subject AND s.kind = %s
"""


def suspects(tx: Transaction, kind: str, held: Sequence[Subject]) -> dict[Subject, int]:
    """Which of these died with their workers, and how often."""
    tenants, subjects = [one.tenant for one in held], [one.subject for one in held]
    rows = tx.rows(SUSPECTS, [tenants, subjects, kind])
    return {Subject(row["tenant"], row["subject"]): row["deaths"] for row in rows}


def note(record: Record, tx: Transaction, worker: str, kind: str, held: Sequence[Subject]) -> None:
    """Write down what the transaction `tx` of this worker holds, whatever becomes of it."""
    backend = tx.conn.info.backend_pid
    lists: list[list[Any]] = [[one.tenant for one in held], [one.subject for one in held]]
    with record.session(()) as own:
        own.run(NOTE, [worker, kind, backend, *lists])


def put_off(record: Record, kind: str, one: Subject, due_at: datetime) -> None:
    """Set its timer now, so that it is not due at once again if its worker dies once more."""
    with record.session([one.tenant]) as own:
        item = {"tenant": one.tenant, "subject": one.subject, "due_at": due_at}
        timers.exactly(own, kind, [item])


def done(tx: Transaction, worker: str, kind: str, held: Sequence[Subject], suspect: bool) -> None:
    """What was noted is done when this transaction is committed."""
    tx.run("UPDATE work_note SET tenants = '{}', subjects = '{}' WHERE worker = %s", [worker])
    if suspect:
        lists: list[list[Any]] = [[one.tenant for one in held], [one.subject for one in held]]
        tx.run(CLEAR, [*lists, kind])


def failed(record: Record, worker: str) -> None:
    """The worker lives: what it could not do is no sign of anything."""
    with record.session(()) as own:
        own.run("UPDATE work_note SET tenants = '{}', subjects = '{}' WHERE worker = %s", [worker])


def recover(tx: Transaction, age: str) -> int:
    """Suspect what dead workers held; notes older than `age` are of such, too."""
    row = tx.row("SELECT recover_work(%s::interval) AS n", [age])
    return int(row["n"]) if row else 0


def forget(tx: Transaction, age: timedelta) -> None:
    """Drop notes and suspicions that nobody asked about for so long."""
    tx.run("DELETE FROM work_note WHERE noted_at < now() - %s::interval", [age])
    tx.run("DELETE FROM suspect WHERE at < %s", [tx.now - age])
