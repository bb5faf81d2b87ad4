"""What becomes of a claimed delivery, each written down under its fence in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from tocsin import errors
from tocsin.domain import backoff
from tocsin.storage import callbacks, deliveries, incidents
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Record, Transaction
from tocsin.storage.tallies import Tallies

Row = dict[str, Any]


def sent(
    record: Record, row: Row, started: datetime, ref: dict[str, str] | None, provider_id: str,
    note: str = "",
) -> None:  # fmt: skip
    """The provider has it, under a name of its own ("" where it gave none).

    ``note`` says who was left out although it was sent.
    """
    with record.session([row["tenant"]]) as tx:
        cause = note or None
        deliveries.attempt(tx, row, started, outcome="sent", error=cause)
        if not deliveries.finish(tx, row, "sent", cause=cause, provider_id=provider_id or None):
            return  # the lease was lost: whoever has the delivery now tells what became of it
        callbacks.early(tx, row)
        if ref:
            deliveries.remember(tx, row, orjson.dumps(ref).decode())
        _count(tx, row, "notifications_total", row["channel"])


def try_later(record: Record, row: Row, started: datetime, error: errors.Retryable) -> None:
    """Not this time: back off, or give up where it does not matter any more."""
    with record.session([row["tenant"]]) as tx:
        pause = backoff.delay(row["attempts"], tx.now - row["created_at"])
        if pause is None:
            text = f"given up after {row['attempts']} attempts: {error.message}"
            code = error.status_code
            bury(tx, row, errors.Permanent(text, reason=error.reason, status_code=code), started)
            return
        due = tx.now + timedelta(seconds=max(pause, error.after or 0))
        deliveries.attempt(
            tx, row, started, outcome="retry", reason=error.reason, error=error.message,
            status_code=error.status_code,
        )  # fmt: skip
        _count(tx, row, "notifications_failed_total", row["channel"], error.reason)
        _postpone(tx, row, error.message, due, in_doubt=row["in_doubt"] or error.in_doubt)


def put_back(record: Record, row: Row, wait: float) -> None:
    """Over the rate limit for so many seconds: nothing was tried, so nothing is counted."""
    row = {**row, "attempts": row["attempts"] - 1}
    with record.session([row["tenant"]]) as tx:
        due = tx.now + timedelta(seconds=wait)
        _postpone(tx, row, "waiting for the rate limit", due, in_doubt=row["in_doubt"])


def give_up(record: Record, row: Row, started: datetime, error: errors.Permanent) -> None:
    """It will never work as it is: into the dead letters, with the cause in plain words."""
    with record.session([row["tenant"]]) as tx:
        bury(tx, row, error, started)


def bury(tx: Transaction, row: Row, error: errors.Permanent, started: datetime) -> None:
    """The same inside a transaction that is open already, and has locked no delivery."""
    deliveries.attempt(
        tx, row, started, outcome="dead", reason=error.reason, error=error.message,
        status_code=error.status_code,
    )  # fmt: skip
    # Whoever acts on an incident locks it before its deliveries.
    waiting = incidents.unanswered(tx, [row])
    if deliveries.finish(tx, row, "dead", cause=error.message):
        _give_back(tx, row, waiting)
    _count(tx, row, "notifications_failed_total", row["channel"], error.reason)


def _give_back(tx: Transaction, row: Row, waiting: Mapping[IncidentKey, Row]) -> None:
    """Whoever was given an incident must hear of it, or does not have it."""
    if (key := (row["tenant"], row["incident_id"])) in waiting and deliveries.all_lost(tx, row):
        incidents.give_back(tx, waiting[key])


def _postpone(
    tx: Transaction, row: dict[str, Any], cause: str, due: datetime, *, in_doubt: bool
) -> None:
    """Back into the line, unless something newer waits there.

    What may have arrived keeps its place: it is repeated under its own key, so that the provider
    can tell, and what follows it can change the message that is there.
    """
    newer = deliveries.has_successor(tx, row)
    if newer and not in_doubt:
        if deliveries.finish(tx, row, "superseded", cause=str(newer)):
            deliveries.hasten(tx, row["tenant"], newer, due)
    else:
        state = "sending" if in_doubt else "pending"
        deliveries.finish(tx, row, state, cause=cause, due_at=due, in_doubt=in_doubt)


def _count(tx: Transaction, row: dict[str, Any], name: str, *labels: str) -> None:
    tallies = Tallies()
    tallies.add(row["tenant"], name, *labels)
    tallies.write(tx)
