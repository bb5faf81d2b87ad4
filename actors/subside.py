"""Subside: a silence that was to last until its alerts are over ends when they are."""

from __future__ import annotations

import uuid

import structlog

from actors import _runtime, _work
from tocsin.domain import suppression
from tocsin.security import audit
from tocsin.storage import lulls, silences, timers
from tocsin.storage.record import Transaction

log = structlog.get_logger(__name__)

LIMIT = 100
#: Who ended it, where nobody did.
WHO = "tocsin"


@_work.actor("subside", _runtime.queue_of("subside"))
def subside(queue: str) -> bool:
    """Ask the silences whose turn it is; True where there may be more of them."""
    here = _runtime.here()
    more, ended = here.record.again(lambda: _once(here))
    if ended:
        here.wake("unmute")
    return more


def _once(here: _runtime.Runtime) -> tuple[bool, bool]:
    with here.record.claims() as tx:
        due = timers.due(tx, lulls.TIMER, LIMIT)
        if not due:
            return False, False
        tx.scope({row["tenant"] for row in due})
        keys = [(row["tenant"], uuid.UUID(row["subject"])) for row in due]
        # A timer of a silence that has no row any more is dropped with those that ended.
        locked = lulls.lock(tx, keys)
        left = lulls.left(tx, keys)
        again, over = [], []
        for key in keys:
            subject = {"tenant": key[0], "subject": key[1]}
            # Nothing held: an edit made it forget; what it holds next sets the timer anew.
            if not locked.get(key) or key not in left:
                over.append(subject)
            elif at := suppression.look_again(left[key].firing, left[key].over, tx.now):
                again.append({**subject, "due_at": at})
            else:
                over.append(subject)
                _end(tx, *key)
        timers.exactly(tx, lulls.TIMER, again)
        timers.drop(tx, lulls.TIMER, over)
    return len(due) == LIMIT, bool(over)


def _end(tx: Transaction, tenant: int, silence: uuid.UUID) -> None:
    silences.expire(tx, tenant, silence, WHO)
    why = {"reason": "all that it held back is over"}
    audit.record(tx, tenant, WHO, "silence.expire", str(silence), why)
    log.info("silence ended with its alerts", tenant=tenant, silence=str(silence))
