"""Escalate: the steps of escalations whose time has come tell whom they name, each once."""

from __future__ import annotations

from functools import partial

import structlog

from actors import _piecemeal, _poison, _runtime, _steps, _work
from tocsin.storage import escalations, inbox, incidents, timers

log = structlog.get_logger(__name__)

#: Escalations of one transaction.
LIMIT = 20

Key = tuple[int, str]


@_work.actor("escalate", _runtime.queue_of("escalate"))
def escalate(queue: str) -> bool:
    """Take the steps that are due; True where there may be more of them."""
    here = _runtime.here()
    return _piecemeal.run("escalate", LIMIT, partial(_escalate, here), partial(_put_off, here))


def _put_off(here: _runtime.Runtime, key: Key, error: Exception) -> None:
    tenant, subject = key
    log.error("escalation cannot go on", tenant=tenant, of=subject, error=repr(error)[:300])
    with here.record.session([tenant]) as tx:
        _piecemeal.put_off(tx, escalations.TIMER, tenant, subject)
        summary = "An escalation cannot take its step; it is tried again every few seconds"
        inbox.page(tx, tenant, "TocsinEscalationFailed", summary, f"{subject}: {error!r}")


def _escalate(here: _runtime.Runtime, limit: int, held: list[Key]) -> bool:
    with _poison.watched(here):
        return _piecemeal.again(here, partial(_once, here, limit), held)


def _once(
    here: _runtime.Runtime, limit: int, held: list[Key], rings: set[tuple[str, str]]
) -> bool:  # fmt: skip
    with here.record.claims() as tx:
        due = timers.due(tx, escalations.TIMER, limit)
        if not due:
            return False
        held += [(row["tenant"], row["subject"]) for row in due]
        tx.scope({tenant for tenant, _ in held})
        # Whoever acts on an incident holds its row: what is read from here on stays so.
        of = {(tenant, escalations.parted(subject)[0]) for tenant, subject in held}
        locked = incidents.lock(tx, of)
        still = timers.still_due(tx, escalations.TIMER, [subject for _, subject in held])
        watch = _poison.Watch(here, tx, escalations.TIMER)
        watch.begin(still)
        found = [row for row in escalations.of(tx, locked)
                 if (row["tenant"], escalations.subject(row)) in still]  # fmt: skip
        known = {(row["tenant"], escalations.subject(row)) for row in found}
        strays = [
            {"tenant": tenant, "subject": of} for tenant, of in still if (tenant, of) not in known
        ]
        timers.drop(tx, escalations.TIMER, strays)
        rings |= _steps.take(here, tx, found, locked)
        watch.done()
    return len(due) == limit
