"""Breach: the clocks of service levels whose turn it is, counted anew from the incidents' stories.

A clock is looked at whenever something happens to its incident, when a warning or a breach falls
due, and when the policy changes. Looking twice, or too early, finds the same.
"""

from __future__ import annotations

import uuid

from actors import _clocks, _runtime, _work
from tocsin.storage import inbox, incidents, service_levels, timelines, timers
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

LIMIT = 500
#: The subject of the timer that says that the policy changed.
POLICY = "policy"


@_work.actor("breach", _runtime.queue_of("breach"))
def breach(queue: str) -> bool:
    """Look at what is due; True where there may be more of it."""
    here = _runtime.here()
    more, told = here.record.again(lambda: _once(here))
    if told:
        here.wake("dedup")
    return more


def _once(here: _runtime.Runtime) -> tuple[bool, bool]:
    with here.record.claims() as tx:
        due = timers.due(tx, service_levels.TIMER, LIMIT)
        if not due:
            return False, False
        tx.scope({row["tenant"] for row in due})
        for row in due:
            if row["subject"] == POLICY:
                service_levels.wake_all(tx, row["tenant"])
                timers.drop(tx, service_levels.TIMER, [row])
        keys = [(row["tenant"], uuid.UUID(row["subject"])) for row in due
                if row["subject"] != POLICY]  # fmt: skip
        told = _look(here, tx, keys) if keys else False
    return len(due) == LIMIT or len(keys) < len(due), told


def _promised(
    tx: Transaction, tenants: dict[int, _runtime.Tenant], keys: list[IncidentKey]
) -> list[IncidentKey]:
    """Those with a clock, and those of tenants whose policy has service levels."""
    clocks = {(row["tenant"], row["incident_id"]) for row in service_levels.of(tx, keys)}
    policies = {id: tenant.policy for id, tenant in tenants.items()}
    promising = {id for id, policy in policies.items() if policy and policy.service_levels}
    return [key for key in keys if key in clocks or key[0] in promising]


def _look(here: _runtime.Runtime, tx: Transaction, keys: list[IncidentKey]) -> bool:
    """Count the clocks of these incidents; True where an alert was raised or ended."""
    tenants = here.tenants(tx, {tenant for tenant, _ in keys})
    # An incident that nobody promised anything about is not held: its flush would wait for us.
    locked = incidents.lock(tx, _promised(tx, tenants, keys))
    found = _clocks.look(tx, locked, tenants)
    service_levels.write(tx, found.rows)
    service_levels.drop(tx, found.gone)
    timelines.tell(tx, found.story)
    inbox.raise_own(tx, found.alerts)
    subjects = {key: {"tenant": key[0], "subject": str(key[1])} for key in keys}
    again = [{**subjects[key], "due_at": at} for key, at in found.again.items()]
    over = [subject for key, subject in subjects.items() if key not in found.again]
    timers.exactly(tx, service_levels.TIMER, again)
    timers.drop(tx, service_levels.TIMER, over)
    return bool(found.alerts)
