"""Fail over: pages that do not get through give over to another way, within their step."""

from __future__ import annotations

import uuid
from functools import partial

import structlog

from actors import _failovers, _piecemeal, _runtime, _work
from tocsin.storage import contacts, failovers, incidents, timers

log = structlog.get_logger(__name__)

#: Deliveries of one transaction.
LIMIT = 50

Key = tuple[int, str]


@_work.actor("fail_over", _runtime.queue_of("fail_over"))
def fail_over(queue: str) -> bool:
    """Look after the deliveries whose time is up; True where there may be more of them."""
    here = _runtime.here()
    return _piecemeal.run("fail_over", LIMIT, partial(_fail_over, here), partial(_put_off, here))


def _put_off(here: _runtime.Runtime, key: Key, error: Exception) -> None:
    tenant, subject = key
    log.error("no other way for a page", tenant=tenant, of=subject, error=repr(error)[:300])
    with here.record.session([tenant]) as tx:
        _piecemeal.put_off(tx, failovers.TIMER, tenant, subject)


def _fail_over(here: _runtime.Runtime, limit: int, held: list[Key]) -> bool:
    return _piecemeal.again(here, partial(_once, here, limit), held)


def _once(
    here: _runtime.Runtime, limit: int, held: list[Key], rings: set[tuple[str, str]]
) -> bool:  # fmt: skip
    with here.record.claims() as tx:
        due = timers.due(tx, failovers.TIMER, limit)
        if not due:
            return False
        held += [(row["tenant"], row["subject"]) for row in due]
        tx.scope({tenant for tenant, _ in held})
        keys = [(tenant, uuid.UUID(subject)) for tenant, subject in held]
        of = {(row["tenant"], row["incident_id"]) for row in failovers.of(tx, keys)}
        # Whoever acts on an incident holds its row: what is read from here on stays so.
        locked = incidents.lock(tx, [key for key in of if key[1] != contacts.NO_INCIDENT])
        still = timers.still_due(tx, failovers.TIMER, [subject for _, subject in held])
        timers.drop(
            tx, failovers.TIMER, [{"tenant": tenant, "subject": of} for tenant, of in still]
        )
        for row in failovers.of(tx, [(tenant, uuid.UUID(subject)) for tenant, subject in still]):
            incident = locked.get((row["tenant"], row["incident_id"]))
            if incident is not None:
                rings |= _failovers.look(here, tx, row, incident)
    return len(due) == limit
