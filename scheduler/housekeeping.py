"""Small duties: folding counters, and the notes of drains whose process died."""

from __future__ import annotations

import structlog

from tocsin.storage import work_notes
from tocsin.storage.record import Record

log = structlog.get_logger(__name__)

#: Longer than any drain may last (transaction_timeout is 10 s).
NOTE_AGE = "15 seconds"


def fold(record: Record) -> None:
    """Add what transactions tallied to the counters."""
    with record.claims() as tx:
        tx.run("SELECT fold_tallies()")


def recover(record: Record) -> None:
    """From now on, rows that a dead process held run alone."""
    with record.claims() as tx:
        row = tx.row("SELECT recover_drains(%s::interval) AS n", [NOTE_AGE])
        timers = work_notes.recover(tx, NOTE_AGE)
    if row and row["n"]:
        log.warning("a worker died with rows in its hands", rows=row["n"])
    if timers:
        log.warning("a worker died with timers in its hands", timers=timers)
