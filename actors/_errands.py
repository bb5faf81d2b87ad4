"""Claiming deliveries: what is due, still wanted, and how to send it; or why not any more."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from actors import _fates, _links, _readers, _runtime
from schemas.message import Message
from tocsin import errors
from tocsin.domain.policy import Integration, Policy
from tocsin.storage import callbacks, contacts, deliveries, incidents
from tocsin.storage.record import Transaction

#: Threads of one process that one destination may hold: a quarter of those of `page`.
PER_DESTINATION = 4


@dataclass(frozen=True, slots=True)
class Errand:
    """A claimed delivery with all that sending it needs."""

    row: dict[str, Any]
    slug: str
    integration: Integration
    message: Message
    ref: dict[str, str] | None
    claimed: datetime
    #: The version of the policy in which the integration was found.
    policy: Policy
    locale: str
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Doomed:
    """A claimed delivery that cannot be sent, now or later."""

    row: dict[str, Any]
    claimed: datetime
    why: errors.Permanent


class InFlight:
    """How many errands to each destination this process has under way."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, claim: Callable[[list[str]], list[Errand] | None]) -> list[Errand] | None:
        """Claim, passing by what is busy, and count it; two threads never see the same room."""
        with self._lock:
            taken = claim([key for key, n in self._counts.items() if n >= PER_DESTINATION])
            self._counts.update(place(errand.row) for errand in taken or ())
            return taken

    def done(self, errand: Errand) -> None:
        with self._lock:
            key = place(errand.row)
            self._counts[key] -= 1
            if self._counts[key] <= 0:
                del self._counts[key]


in_flight = InFlight()


def place(row: dict[str, Any]) -> str:
    """The destination as the limits know it: a tenant's own."""
    return f"{row['tenant']} {row['destination']}"


def claim(here: _runtime.Runtime, channel: str, queue: str) -> list[Errand] | None:
    """None: nothing is due. An empty list: what was due needs no sending any more."""
    doomed: list[Doomed] = []

    def once() -> list[Errand] | None:
        doomed.clear()
        return in_flight.take(lambda busy: _claim(here, channel, queue, busy, doomed))

    taken = here.record.again(once)
    for each in doomed:
        # In a transaction of its own: an incident is locked before its deliveries, and the claim
        # holds one of them.
        here.record.again(partial(_fates.give_up, here.record, each.row, each.claimed, each.why))
    return taken


def _claim(
    here: _runtime.Runtime, channel: str, queue: str, busy: list[str], doomed: list[Doomed]
) -> list[Errand] | None:
    lease = timedelta(seconds=here.settings.lease_seconds)
    with here.record.claims() as tx:
        rows = deliveries.claim(tx, queue, channel, 1, lease, busy)
        if not rows:
            return None
        tx.scope({row["tenant"] for row in rows})
        found = [_errand(here, tx, row) for row in rows]
        doomed += [each for each in found if isinstance(each, Doomed)]
        return [each for each in found if isinstance(each, Errand)]


def _errand(here: _runtime.Runtime, tx: Transaction, row: dict[str, Any]) -> Errand | Doomed | None:
    told = deliveries.notification(tx, row["tenant"], row["notification_id"])
    if stop := _obsolete(tx, row, told):
        deliveries.attempt(tx, row, tx.now, outcome="superseded", error=stop)
        deliveries.finish(tx, row, "superseded", cause=stop)
        if row["in_doubt"] and deliveries.reference(tx, row) is None:
            deliveries.remember(tx, row, orjson.dumps({"doubt": str(row["id"])}).decode())
        return None
    try:
        return _packed(here, tx, row, told)
    except (errors.TocsinError, ValueError) as error:
        # It must not stand at the head of the queue for ever.
        why = errors.Permanent(f"it cannot be sent as it is: {error}", reason="configError")
        return Doomed(row, tx.now, why)


def _packed(
    here: _runtime.Runtime, tx: Transaction, row: dict[str, Any], told: dict[str, Any]
) -> Errand:
    tenant = here.tenants(tx, [row["tenant"]])[row["tenant"]]
    found = _integration(here, tx, tenant, row, told["policy_version"])
    if found is None:
        raise errors.NotFound(f"the policy has no {row['integration']} any more")
    body = here.sealer.open(tx, row["tenant"], told["message"])
    ref = deliveries.reference(tx, row)
    policy, integration = found
    composed = _links.with_link(here, row, tenant.slug, Message.model_validate_json(body))
    reader = _readers.of(policy, integration, composed)
    caution = _readers.doubt(tx, row["tenant"], reader, integration)
    return Errand(
        row, tenant.slug, integration, _readers.worded(composed, row, reader, caution),
        orjson.loads(ref) if ref else None, tx.now, policy, reader.locale,
        callbacks.refused(tx, row["tenant"], row["channel"]),
    )  # fmt: skip


def _obsolete(tx: Transaction, row: dict[str, Any], told: dict[str, Any]) -> str | None:
    """Why this must not be begun any more, if so: nothing begins after an act that stops it."""
    if told["reason"] == contacts.TEST:
        return _readers.outdated(told, tx.now)
    incident = incidents.generations(tx, [(row["tenant"], row["incident_id"])])[
        row["tenant"], row["incident_id"]
    ]
    if told["reason"] in deliveries.PAGING and row["generation"] < incident["generation"]:
        return str(incident["acknowledged_by"] or incident["resolved_by"] or "resolved")
    return None


def _integration(
    here: _runtime.Runtime, tx: Transaction, tenant: _runtime.Tenant, row: dict[str, Any],
    version: int,
) -> tuple[Policy, Integration] | None:  # fmt: skip
    """The integration as it is configured now, so that a repaired one is used; else as it was.

    With it the policy that has it, whose templates and languages are used: for the same reason.
    """
    for policy in (tenant.policy, here.policy(tx, tenant.id, version)):
        if policy and (integration := policy.integration(row["integration"])):
            return policy, integration
    return None
