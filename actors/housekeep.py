"""Housekeep: partitions for the days to come, and those gone that nobody may ask for any more."""

from __future__ import annotations

from datetime import timedelta

from actors import _runtime, _work
from tocsin.storage import callbacks, circuits, lookups, work_notes
from workers import queues

DAYS_AHEAD = 8
#: An answer of another system that has run out stands in for it so long while that is down.
ANSWERS_KEPT = timedelta(days=7)
CIRCUITS_KEPT = timedelta(days=2)


@_work.actor("housekeep", queues.BACKGROUND)
def housekeep(queue: str) -> bool:
    """Make and drop partitions; harmless to do twice."""
    here = _runtime.here()
    with here.record.claims() as tx:
        today = tx.now.date()
        tx.run("SELECT make_partitions(%s, %s)", [today, DAYS_AHEAD])
        tx.run("SELECT drop_partitions(%s)", [today - timedelta(days=here.settings.retention_days)])
        lookups.forget(tx, tx.now - ANSWERS_KEPT)
        callbacks.forget(tx, tx.now - timedelta(days=here.settings.retention_days))
        tx.run("DELETE FROM drain_note WHERE noted_at < now() - interval '1 day'")
    # Of every tenant: what nobody sends to, or has done, any more.
    with here.record.admin() as tx:
        circuits.forget(tx, CIRCUITS_KEPT)
        work_notes.forget(tx, CIRCUITS_KEPT)
    return False
