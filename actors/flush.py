"""Flush: the groups whose time has come decide whom to tell (suppress, then notify)."""

from __future__ import annotations

from actors import _groups, _notify, _rehouse, _runtime, _work
from tocsin.domain import flushing
from tocsin.storage import groups

#: Groups of one transaction: of each tenant in turn, so that no tenant waits for a storm.
LIMIT = 50


@_work.actor("flush", _runtime.queue_of("flush"))
def flush(queue: str) -> bool:
    """Decide for the groups that are due; True where there may be more of them."""
    here = _runtime.here()
    wakes: set[tuple[str, str]] = set()
    more = here.record.again(lambda: _once(here, wakes))
    for actor, to in sorted(wakes):
        here.bell.ring(actor, to)
    return more


def _once(here: _runtime.Runtime, wakes: set[tuple[str, str]]) -> bool:
    wakes.clear()
    with here.record.claims() as tx:
        claimed = groups.claim_due(tx, LIMIT)
        if not claimed:
            return False
        ids = sorted({tenant for tenant, _ in claimed})
        tx.scope(ids)
        sheets = _groups.load(tx, here.tenants(tx, ids), claimed)
        for sheet in sheets:
            if sheet.group is None and _rehouse.rehouse(tx, sheet.tenant, sheet.row, sheet.members):
                wakes.add(("evaluate", here.queues["evaluate"]))
        silences = _groups.silences(tx, ids)
        decided = []
        for sheet in sheets:
            if sheet.group is None or sheet.tenant.policy is None:
                continue
            plan = flushing.plan(
                sheet.group,
                silences[sheet.tenant.id],
                tx.now,
                reopen_window=sheet.tenant.policy.reopen_window,
                fresh=_notify.fresh_incident(sheet, tx.now),
                updates_in_place=_notify.UPDATES_IN_PLACE,
            )
            decided.append(_notify.Decided(sheet, sheet.group, plan))
        wakes |= _notify.write(here, tx, decided)
    return len(claimed) == LIMIT
