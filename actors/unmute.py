"""Unmute: when a silence ends, the groups that hold alerts back because of it speak again."""

from __future__ import annotations

from actors import _runtime, _work
from tocsin.storage import groups, timers

LIMIT = 100


@_work.actor("unmute", _runtime.queue_of("unmute"))
def unmute(queue: str) -> bool:
    """Make the flush of those groups due; the flush asks afresh what mutes them now."""
    here = _runtime.here()
    more = here.record.again(lambda: _once(here))
    if more:
        here.wake("flush")
    return more


def _once(here: _runtime.Runtime) -> bool:
    with here.record.claims() as tx:
        due = timers.due(tx, "silence", LIMIT)
        if not due:
            return False
        tx.scope({row["tenant"] for row in due})
        held = groups.muted_by(tx, [row["subject"] for row in due])
        # Under the lock: a flush that still saw the silence must not overwrite the timer.
        groups.lock(tx, held)
        timers.earlier(
            tx,
            "flush",
            [{"tenant": tenant, "subject": group, "due_at": tx.now} for tenant, group in held],
        )
        timers.drop(tx, "silence", [{"tenant": r["tenant"], "subject": r["subject"]} for r in due])
    return True
