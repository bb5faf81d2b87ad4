"""Unmute: when a silence or an inhibitor ends, the groups that it held back ask again."""

from __future__ import annotations

from typing import Any

from actors import _runtime, _work
from tocsin.domain import inhibition
from tocsin.storage import groups, inhibitors, silences, timers
from tocsin.storage.record import Transaction

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
        due = timers.due(tx, silences.TIMER, LIMIT)
        over = timers.due(tx, inhibitors.TIMER, LIMIT)
        if not due and not over:
            return False
        tx.scope({row["tenant"] for row in (*due, *over)})
        # Before the groups are looked for: who edits a silence has waited for the flushes that
        # obeyed it, so after its lock their groups are seen.
        ahead = silences.ahead(tx, [row["subject"] for row in due])
        wanted = [(row["tenant"], row["subject"]) for row in due]
        wanted += [(row["tenant"], inhibition.PREFIX + row["subject"]) for row in over]
        held = groups.muted_by(tx, wanted)
        # Under the lock: a flush that still saw the silence must not overwrite the timer.
        groups.lock(tx, held)
        timers.earlier(
            tx,
            "flush",
            [{"tenant": tenant, "subject": group, "due_at": tx.now} for tenant, group in held],
        )
        _arm(tx, due, ahead)
        timers.drop(tx, inhibitors.TIMER, _subjects(over))
    return True


def _arm(tx: Transaction, due: list[dict[str, Any]], ahead: dict[tuple[int, str], Any]) -> None:
    """One that was only changed rings again at its end."""
    subjects = _subjects(due)
    ends = [(each, ahead.get((each["tenant"], each["subject"]))) for each in subjects]
    timers.exactly(tx, silences.TIMER, [{**each, "due_at": at} for each, at in ends if at])
    timers.drop(tx, silences.TIMER, [each for each, at in ends if not at])


def _subjects(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"tenant": row["tenant"], "subject": row["subject"]} for row in rows]
