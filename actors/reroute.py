"""Reroute: a policy changed, so the alerts that fire are held against the new routes."""

from __future__ import annotations

from actors import _rehouse, _runtime, _work
from tocsin.storage import groups, timers
from tocsin.storage.record import Transaction

#: Groups of one transaction.
LIMIT = 100


@_work.actor("reroute", _runtime.queue_of("reroute"))
def reroute(queue: str) -> bool:
    """Take the next groups of a tenant whose policy changed; True where there may be more."""
    here = _runtime.here()
    with here.record.claims() as tx:
        due = timers.due(tx, "reroute", 1)
        if not due:
            return False
        moved = _next(here, tx, due[0]["tenant"])
    if moved:
        here.wake("evaluate")
    return True


def _next(here: _runtime.Runtime, tx: Transaction, id: int) -> bool:
    tx.scope([id])
    tenant = here.tenants(tx, [id])[id]
    keys = groups.of_older_policy(tx, id, tenant.version or 0, LIMIT)
    rows = groups.lock(tx, keys)
    members: dict[groups.GroupKey, list[dict[str, object]]] = {key: [] for key in keys}
    for member in groups.with_alerts(tx, keys):
        members[id, member["group_id"]].append(member)
    moved = [_rehouse.rehouse(tx, tenant, rows[key], members[key]) for key in keys]
    if not keys:
        timers.drop(tx, "reroute", [{"tenant": id, "subject": "policy"}])
    return any(moved)
