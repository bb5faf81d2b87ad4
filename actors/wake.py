"""Wake: incidents that were snoozed, or acknowledged and then left alone, are open again."""

from __future__ import annotations

import uuid

import structlog

from actors import _runtime, _work
from tocsin.storage import incidents, timers

log = structlog.get_logger(__name__)

LIMIT = 100


@_work.actor("wake", _runtime.queue_of("wake"))
def wake(queue: str) -> bool:
    """Open those whose time has come; True where there may be more of them."""
    here = _runtime.here()
    more, opened = here.record.again(lambda: _once(here))
    if opened:
        here.wake("flush")
        here.wake("escalate")
    return more


def _once(here: _runtime.Runtime) -> tuple[bool, int]:
    with here.record.claims() as tx:
        due = timers.due(tx, incidents.SNOOZE, LIMIT)
        if not due:
            return False, 0
        tx.scope({row["tenant"] for row in due})
        locked = incidents.lock(tx, [(row["tenant"], uuid.UUID(row["subject"])) for row in due])
        still = timers.still_due(tx, incidents.SNOOZE, [row["subject"] for row in due])
        # Whatever else happened meanwhile ended it: the row says when it opens again, if at all.
        rows = [row for (tenant, id), row in locked.items() if (tenant, str(id)) in still]
        opened = incidents.opens_again(tx, rows)
        over = [{"tenant": tenant, "subject": subject} for tenant, subject in still]
        timers.drop(tx, incidents.SNOOZE, over)
    for row in opened:
        log.info("incident opened again", tenant=row["tenant"], incident=str(row["id"]))
    return len(due) == LIMIT, len(opened)
