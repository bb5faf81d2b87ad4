"""Digest: tell of storms when they begin, while they last, and when they are over."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import structlog

from actors import _piecemeal, _poison, _runtime, _storm_pages, _work
from schemas.storms import Storms
from tocsin.domain import storms as rules
from tocsin.storage import inbox, incidents, storms, timers
from tocsin.storage.record import Transaction

log = structlog.get_logger(__name__)

#: Storms of one transaction: there is one of a tenant at a time.
LIMIT = 5

Row = dict[str, Any]
Key = tuple[int, str]


@_work.actor("digest", _runtime.queue_of("digest"))
def digest(queue: str) -> bool:
    """Look at the storms that are due; True where there may be more of them."""
    here = _runtime.here()
    return _piecemeal.run("digest", LIMIT, partial(_digest, here), partial(_put_off, here))


def _put_off(here: _runtime.Runtime, key: Key, error: Exception) -> None:
    tenant, storm = key
    log.error("a storm cannot be told", tenant=tenant, storm=storm, error=repr(error)[:300])
    with here.record.session([tenant]) as tx:
        # Meanwhile it holds nothing back for long.
        _piecemeal.put_off(tx, storms.TIMER, tenant, storm)
        summary = "A storm of alerts cannot be told; its alerts are told one by one"
        inbox.page(tx, tenant, "TocsinStormFailed", summary, f"storm {storm}: {error!r}")


def _digest(here: _runtime.Runtime, limit: int, held: list[Key]) -> bool:
    with _poison.watched(here):
        return _piecemeal.again(here, partial(_once, here, limit), held)


def _once(
    here: _runtime.Runtime, limit: int, held: list[Key], rings: set[tuple[str, str]]
) -> bool:  # fmt: skip
    with here.record.claims() as tx:
        due = timers.due(tx, storms.TIMER, limit)
        if not due:
            return False
        held += sorted((row["tenant"], row["subject"]) for row in due)
        tx.scope({tenant for tenant, _ in held})
        found = [storms.lock_one(tx, tenant, uuid.UUID(storm)) for tenant, storm in held]
        still = timers.still_due(tx, storms.TIMER, [storm for _, storm in held])
        rows = [row for row in found if row and (row["tenant"], str(row["id"])) in still]
        watch = _poison.Watch(here, tx, storms.TIMER)
        watch.begin((row["tenant"], row["id"]) for row in rows)
        of = [(row["tenant"], row["incident_id"]) for row in rows if row["incident_id"]]
        locked = incidents.lock(tx, of)
        tenants = here.tenants(tx, {row["tenant"] for row in rows}) if rows else {}
        for row in rows:
            incident = locked.get((row["tenant"], row["incident_id"]))
            rings |= _look(here, tx, tenants[row["tenant"]], row, incident)
        watch.done()
    return len(due) == limit


def _look(
    here: _runtime.Runtime, tx: Transaction, tenant: _runtime.Tenant, row: Row, incident: Row | None
) -> set[tuple[str, str]]:
    """One storm: tell what is due, and say when it is to be looked at again."""
    if tenant.policy is None:
        _piecemeal.put_off(tx, storms.TIMER, tenant.id, str(row["id"]))
        return set()
    settings, heard = tenant.policy.storms, storms.listeners(tx, row)
    loud_at = row["loud_at"] or row["began_at"]
    if row["ended_at"] is None and rules.over_at(loud_at, settings) <= tx.now:
        row = {**row, "ended_at": tx.now}
    phase = rules.phase(row["ended_at"], row["digest_at"], row["closed_at"])
    if phase in ("over", "told") and incident is not None:
        incident = _emptied(tx, row, incident)
    pages = _storm_pages.Pages(here, tx, tenant, row, incident)
    state = incident["state"] if incident else "resolved"
    if phase == "closed":
        rings: set[tuple[str, str]] = set()
    elif phase == "told":
        rings = pages.end(heard) if state == "resolved" else pages.show(heard)
    else:
        told = rules.to_tell(
            [_storm_pages.listener(each) for each in heard], settings, tx.now,
            over=phase == "over", acknowledged=state == "acknowledged",
        )  # fmt: skip
        rings = pages.tell([each for each in heard if each["receiver"] in told], phase)
        rings |= pages.show([each for each in heard if each["receiver"] not in told])
    _arm(tx, settings, row, phase, state)
    return rings


def _emptied(tx: Transaction, row: Row, incident: Row) -> Row:
    """Nobody resolves an incident whose groups have all gone elsewhere."""
    if incident["state"] == "resolved" or storms.anything_active(tx, row):
        return incident
    over = {**incident, "state": "resolved", "resolved_at": tx.now}
    return incidents.record(tx, over, "resolved", "tocsin", {})


def _arm(tx: Transaction, settings: Storms, row: Row, phase: rules.Phase, state: str) -> None:
    """Note how far it is, and when it is looked at next."""
    item = {"tenant": row["tenant"], "subject": row["id"]}
    if phase == "under way":
        heard = [_storm_pages.listener(each) for each in storms.listeners(tx, row)]
        due = rules.next_look(heard, settings, row["loud_at"] or row["began_at"], tx.now)
        storms.write(tx, {**row, "due_at": due})
        timers.exactly(tx, storms.TIMER, [{**item, "due_at": due}])
        return
    closed = row["closed_at"] or (tx.now if state == "resolved" else None)
    told = row["digest_at"] or tx.now
    storms.write(tx, {**row, "digest_at": told, "closed_at": closed})
    timers.drop(tx, storms.TIMER, [item])
