"""What becomes of a claimed delivery, each written down under its fence in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson

import channels
from actors import _circuits
from tocsin import errors
from tocsin.domain import backoff, circuit, failover
from tocsin.storage import callbacks, deliveries, events, failovers
from tocsin.storage.briefs import Brief
from tocsin.storage.record import Record, Transaction
from tocsin.storage.tallies import Tallies

Row = dict[str, Any]


def sent(
    record: Record, row: Row, brief: Brief, started: datetime, receipt: channels.Receipt
) -> None:
    """The provider has it."""
    _written(record, row, lambda tx: _sent(tx, row, brief, started, receipt))


def _sent(
    tx: Transaction, row: Row, brief: Brief, started: datetime, receipt: channels.Receipt
) -> None:
    own, troubled, heard = deliveries.sent(tx, row, started, receipt.note, receipt.provider_id)
    if not own:
        return
    with tx.together():
        events.settle(tx, _notified(row, brief), brief.events_since)
        if receipt.ref:
            deliveries.remember(tx, row, orjson.dumps(receipt.ref).decode())
    if heard in callbacks.LOST:
        # It may be told before we know that the message was taken: let it count now.
        callbacks.lose(tx, row, str(heard))
    if troubled:
        _circuits.arrived(tx, row)
    _end(tx, row)


def _notified(row: Row, brief: Brief) -> list[Row]:
    ended = {"tenant": row["tenant"], "outcome": "notified", "cause": str(row["notification_id"])}
    return [{**ended, "id": event} for event in brief.events]


def try_later(record: Record, row: Row, started: datetime, error: errors.Retryable) -> None:
    """Not this time: back off, or give up where it does not matter any more."""
    _written(record, row, lambda tx: postpone(tx, row, started, error))


def postpone(tx: Transaction, row: Row, started: datetime, error: errors.Retryable) -> None:
    """The same inside a transaction that is open already."""
    pause = backoff.delay(row["attempts"], tx.now - row["created_at"])
    if pause is None:
        text = f"given up after {row['attempts']} attempts: {error.message}"
        code = error.status_code
        bury(tx, row, errors.Permanent(text, reason=error.reason, status_code=code), started)
        return
    until: datetime = row["step_until"] or _began(row)
    known = _circuits.failed(tx, row, error, until) if deliveries.own(tx, row) else None
    wanted = tx.now + timedelta(seconds=max(pause, error.after or 0))
    # A provider may ask for more time than the step has: then the step counts, while it lasts.
    due = min(wanted, until) if until >= tx.now + timedelta(seconds=pause) else wanted
    deliveries.attempt(
        tx, row, started, outcome="retry", reason=error.reason, error=error.message,
        status_code=error.status_code,
    )  # fmt: skip
    _count(tx, row, "notifications_failed_total", row["channel"], error.reason)
    doubt = row["in_doubt"] or error.in_doubt
    if known is None or known.probe_at is None:
        _postpone(tx, row, error.message, due, in_doubt=doubt)
        give_over(tx, row, wanted)
    else:
        cause = _circuits.sentence(row, known)
        _postpone(tx, row, cause, known.probe_at, in_doubt=doubt, held=True)
        if known.probes <= 1:
            _arm(tx, row, tx.now)  # if that leaves no way at all, somebody must know


def put_back(record: Record, row: Row, wait: float) -> None:
    """Over the rate limit for so many seconds: nothing was tried, so nothing is counted."""
    untried = {**row, "attempts": row["attempts"] - 1}
    _written(record, row, lambda tx: _put_back(tx, untried, tx.now + timedelta(seconds=wait)))


def _put_back(tx: Transaction, row: Row, due: datetime) -> None:
    if deliveries.own(tx, row):
        _circuits.put_back(tx, row, due)
    _postpone(tx, row, "waiting for the rate limit", due, in_doubt=row["in_doubt"])
    give_over(tx, row, due)


def hold(tx: Transaction, row: Row, known: circuit.Circuit) -> None:
    """Its destination is left alone until the next try: it waits for that, and gives over."""
    row = {**row, "attempts": row["attempts"] - 1}
    cause = _circuits.sentence(row, known)
    if tx.now - row["created_at"] >= backoff.MAX_AGE:
        bury(tx, row, errors.Permanent(f"given up after a day. {cause}"), tx.now)
        return
    _postpone(tx, row, cause, known.probe_at or tx.now, in_doubt=row["in_doubt"], held=True)
    give_over(tx, row, None)


def give_up(record: Record, row: Row, started: datetime, error: errors.Permanent) -> None:
    """It will never work as it is: into the dead letters, with the cause in plain words."""
    _written(record, row, lambda tx: bury(tx, row, error, started))


def bury(tx: Transaction, row: Row, error: errors.Permanent, started: datetime) -> None:
    """The same inside a transaction that is open already."""
    if deliveries.own(tx, row):
        _circuits.failed(tx, row, error, tx.now)
    deliveries.attempt(
        tx, row, started, outcome="dead", reason=error.reason, error=error.message,
        status_code=error.status_code,
    )  # fmt: skip
    if deliveries.finish(tx, row, "dead", cause=error.message):
        _arm(tx, row, tx.now)
        _end(tx, row)
    _count(tx, row, "notifications_failed_total", row["channel"], error.reason)


def give_over(tx: Transaction, row: Row, following: datetime | None) -> None:
    """Let another way be taken when this one takes too long; `following`: when it is tried next.

    None: nobody knows whether that will be a try at all. Then it is taken at once.
    """
    if row["gave_over_at"] is None:
        limit = failover.deadline(_began(row), row["step_until"])
        _arm(tx, row, tx.now if following is None or following > limit else limit)


def _arm(tx: Transaction, row: Row, at: datetime) -> None:
    if row["reason"] in deliveries.PAGING:
        failovers.arm(tx, row, at)


def _end(tx: Transaction, row: Row) -> None:
    """The end of what it fired is told to whoever was told of it in place of this destination."""
    if row["reason"] == "resolved" and row["facts"] is None and failovers.stood_in(tx, row):
        failovers.arm(tx, row, tx.now)


def _began(row: Row) -> datetime:
    began: datetime = row["wanted_at"] or row["created_at"]
    return began


def _postpone(
    tx: Transaction, row: dict[str, Any], cause: str, due: datetime, *, in_doubt: bool,
    held: bool = False,
) -> None:  # fmt: skip
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
        deliveries.finish(tx, row, state, cause=cause, due_at=due, in_doubt=in_doubt, held=held)


def _count(tx: Transaction, row: dict[str, Any], name: str, *labels: str) -> None:
    tallies = Tallies()
    tallies.add(row["tenant"], name, *labels)
    tallies.write(tx)


def _written(record: Record, row: Row, work: Callable[[Transaction], None]) -> None:
    """In one transaction, once more where it and another waited for each other: a fate that is
    not written down lets the message go out again when its lease is over."""

    def once() -> None:
        with record.session([row["tenant"]]) as tx:
            work(tx)

    record.again(once)
