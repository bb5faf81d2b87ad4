"""Temporary."""

from __future__ import annotations

from actors import _runtime, _work
from tocsin.storage import timers


@_work.actor("report", _runtime.queue_of("report"))
def report(queue: str) -> bool:
    """Drop."""
    with _runtime.here().record.claims() as tx:
        due = timers.due(tx, "report", 10)
        tx.scope({row["tenant"] for row in due})
        timers.drop(tx, "report", due)
    return False
