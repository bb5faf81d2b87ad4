"""What the circuit of its destination means for a claimed delivery, and the other way round."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tocsin import errors, i18n
from tocsin.domain import circuit
from tocsin.storage import circuits
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

Row = dict[str, Any]


def hold(tx: Transaction, row: Row, lease: timedelta) -> circuit.Circuit | None:
    """The open circuit that this delivery has to wait for; None: it may go.

    Where the next try is due, this delivery is the one that makes it.
    """
    known = circuits.troubled(tx, row)
    if known is None or known.opened_at is None:
        return None
    tried = circuit.probing(known, tx.now, lease)
    if tried is None:
        return known
    circuits.write(tx, row, tried)
    row["probe"] = True
    return None


def hold_rest(tx: Transaction, row: Row, known: circuit.Circuit) -> None:
    """The others that wait for it, and have nothing else to do, need not be claimed one by one."""
    circuits.hold_rest(tx, row, known, sentence(row, known))


def arrived(tx: Transaction, row: Row) -> None:
    """The destination answered: whatever waited for that goes now."""
    known = circuits.troubled(tx, row)
    if known is not None:
        circuits.write(tx, row, circuit.CLOSED)
        if known.opened_at is not None:
            circuits.release(tx, row)


def failed(
    tx: Transaction, row: Row, error: errors.Retryable | errors.Permanent, until: datetime
) -> circuit.Circuit | None:
    """Count a failure of a delivery that we own; the circuit where that is open then.

    `until`: no probe waits longer than that for what the provider asked for.
    """
    if not circuit.blames_place(error.reason):
        return _told_nothing(tx, row, error)
    known = circuits.locked(tx, row)
    probe = bool(row.get("probe"))
    now = circuit.failed(known, tx.now, error.message, probe=probe)
    if known.opened_at is None and now.opened_at is not None:
        tallies = Tallies()
        tallies.add(row["tenant"], "breaker_opened_total", row["channel"], row["destination"])
        tallies.write(tx)
    if now.opened_at is not None and (probe or known.opened_at is None):
        now = circuit.asked_to_wait(now, tx.now, _after(error), until)
    circuits.write(tx, row, now)
    return now if now.opened_at is not None else None


def _told_nothing(
    tx: Transaction, row: Row, error: errors.Retryable | errors.Permanent
) -> circuit.Circuit | None:
    """A failure of the message alone: the destination answered, or nobody knows."""
    if isinstance(error, errors.Permanent) and error.reason == "clientError":
        arrived(tx, row)
        return None
    known = circuits.troubled(tx, row) if row.get("probe") else None
    if known is None or known.opened_at is None:
        return None
    later = circuit.put_off(known, tx.now, timedelta(seconds=_after(error)))
    circuits.write(tx, row, later)
    return later


def put_back(tx: Transaction, row: Row, due: datetime) -> None:
    """The probe was not made after all: it is due again then."""
    known = circuits.troubled(tx, row) if row.get("probe") else None
    if known is not None and known.opened_at is not None:
        circuits.write(tx, row, circuit.put_off(known, tx.now, due - tx.now))


def sentence(row: Row, known: circuit.Circuit) -> str:
    """Why a delivery waits, for people."""
    assert known.opened_at is not None
    assert known.probe_at is not None
    return i18n.say(
        "failover.circuit", destination=row["destination"], since=_utc(known.opened_at),
        at=_utc(known.probe_at), cause=known.cause or "",
    )  # fmt: skip


def _after(error: errors.Retryable | errors.Permanent) -> float:
    return (error.after or 0.0) if isinstance(error, errors.Retryable) else 0.0


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
