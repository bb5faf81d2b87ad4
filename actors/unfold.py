"""Unfold: a flood is over, so what still fires of the alerts that were folded goes its way."""

from __future__ import annotations

from typing import Any

from actors import _floods, _rehouse, _runtime, _work
from tocsin.domain import floods
from tocsin.storage import alerts, folds, inbox, timers
from tocsin.storage.record import Transaction

#: Alerts of one transaction.
LIMIT = 250


@_work.actor("unfold", _runtime.queue_of("unfold"))
def unfold(queue: str) -> bool:
    """Look at the fold that is due; True where there may be more to do."""
    here = _runtime.here()
    more, wakes = here.record.again(lambda: _once(here))
    for actor in wakes:
        here.wake(actor)
    return more


def _once(here: _runtime.Runtime) -> tuple[bool, list[str]]:
    with here.record.claims() as tx:
        due = timers.due(tx, folds.TIMER, 1)
        if not due:
            return False, []
        tx.scope([due[0]["tenant"]])
        fold = folds.lock_one(tx, due[0]["tenant"], due[0]["subject"])
        if fold is None or not timers.still_due(tx, folds.TIMER, [due[0]["subject"]]):
            return True, []
        tenant = here.tenants(tx, [fold["tenant"]])[fold["tenant"]]
        if fold["ended_at"] is not None:
            return True, _send_round(tx, tenant, fold)
        return True, _end(here, tx, tenant, fold)


def _end(
    here: _runtime.Runtime, tx: Transaction, tenant: _runtime.Tenant, fold: dict[str, Any]
) -> list[str]:
    """End the fold, unless too much waits even now; returns whom to wake."""
    item = {"tenant": tenant.id, "subject": fold["id"], "due_at": tx.now}
    behind = inbox.waiting(tx, tenant.id, "dedup")
    if floods.folds(behind, here.settings.fold_backlog, under_way=True):
        timers.exactly(tx, folds.TIMER, [{**item, "due_at": tx.now + _floods.CHECK}])
        return []
    folds.end(tx, fold)
    over = _floods.alarm(tenant, fold, firing=folds.firing(tx, fold))
    inbox.raise_own(tx, [(tenant.id, over)])
    timers.exactly(tx, folds.TIMER, [item])
    return ["dedup"]


def _send_round(tx: Transaction, tenant: _runtime.Tenant, fold: dict[str, Any]) -> list[str]:
    """Send the next of them, from `enrich` on: rules may call them something else there."""
    marks = folds.take(tx, fold, LIMIT)
    stored = alerts.lock_whole(tx, [(tenant.id, mark) for mark in marks])
    moving = [row for row in stored.values() if row["status"] == "firing"]
    _rehouse.route_anew(tx, tenant, moving)
    if len(marks) < LIMIT:
        timers.drop(tx, folds.TIMER, [{"tenant": tenant.id, "subject": fold["id"]}])
    return ["enrich"] if moving else []
