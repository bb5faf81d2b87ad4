"""Deliver: one actor a channel, `deliver_<channel>`: lease, limit, send, write down the outcome.

The claim, with lease and fence, is committed before anything goes out; what came of it is written
under that fence. Between the two no connection is held.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

import channels
from actors import _runtime, _work
from schemas.message import Message
from tocsin import errors
from tocsin.domain import backoff
from tocsin.domain.policy import Integration
from tocsin.storage import deliveries, incidents
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies
from workers import queues

log = structlog.get_logger(__name__)

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
    claimed: Any


class InFlight:
    """How many errands to each destination this process has under way."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def busy(self) -> list[str]:
        with self._lock:
            return [key for key, n in self._counts.items() if n >= PER_DESTINATION]

    def change(self, key: str, by: int) -> None:
        with self._lock:
            self._counts[key] += by
            if self._counts[key] <= 0:
                del self._counts[key]


in_flight = InFlight()


def _declare(channel: str) -> None:
    @_work.actor(queues.deliver(channel), queues.NOTIFY)
    def deliver(queue: str) -> bool:
        return _run(channel, queue)


# An actor has one home; the same one also answers on the queue of what wakes people.
_runtime.broker().declare_queue(queues.PAGE)
for _channel in channels.REGISTRY:
    _declare(_channel)


def _run(channel: str, queue: str) -> bool:
    """Take one delivery that is due and send it; True where there may be another."""
    here = _runtime.here()
    taken = here.record.again(lambda: _claim(here, channel, queue))
    if not taken:
        return False
    # Another thread, or process, takes the next one while this one talks to its provider.
    here.bell.ring(queues.deliver(channel), queue)
    for errand in taken:
        key = _place(errand.row)
        in_flight.change(key, 1)
        try:
            _send(here, errand)
        finally:
            in_flight.change(key, -1)
    return True


def _place(row: dict[str, Any]) -> str:
    return f"{row['tenant']} {row['destination']}"


def _claim(here: _runtime.Runtime, channel: str, queue: str) -> list[Errand] | None:
    """None: nothing is due. An empty list: what was due needs no sending any more."""
    lease = timedelta(seconds=here.settings.lease_seconds)
    with here.record.claims() as tx:
        rows = deliveries.claim(tx, queue, channel, 1, lease, in_flight.busy())
        if not rows:
            return None
        tx.scope({row["tenant"] for row in rows})
        found = (_errand(here, tx, row) for row in rows)
        return [errand for errand in found if errand is not None]


def _errand(here: _runtime.Runtime, tx: Transaction, row: dict[str, Any]) -> Errand | None:
    told = deliveries.notification(tx, row["tenant"], row["notification_id"])
    if stop := _obsolete(tx, row, told):
        deliveries.attempt(tx, row, tx.now, outcome="superseded", error=stop)
        deliveries.finish(tx, row, "superseded", cause=stop)
        if row["in_doubt"] and deliveries.reference(tx, row) is None:
            deliveries.remember(tx, row, orjson.dumps({"doubt": str(row["id"])}).decode())
        return None
    tenant = here.tenants(tx, [row["tenant"]])[row["tenant"]]
    integration = _integration(here, tx, tenant, row, told["policy_version"])
    if integration is None:
        _bury(tx, row, errors.Permanent(f"the policy has no {row['integration']} any more",
                                        reason="configError"))  # fmt: skip
        return None
    body = here.sealer.open(tx, row["tenant"], told["message"])
    ref = deliveries.reference(tx, row)
    return Errand(
        row, tenant.slug, integration, Message.model_validate_json(body),
        orjson.loads(ref) if ref else None, tx.now,
    )  # fmt: skip


def _obsolete(tx: Transaction, row: dict[str, Any], told: dict[str, Any]) -> str | None:
    """Why this must not be begun any more, if so: nothing begins after an act that stops it."""
    incident = incidents.generations(tx, [(row["tenant"], row["incident_id"])])[
        row["tenant"], row["incident_id"]
    ]
    if told["reason"] in deliveries.PAGING and row["generation"] < incident["generation"]:
        return str(incident["acknowledged_by"] or incident["resolved_by"] or "resolved")
    return None


def _integration(
    here: _runtime.Runtime, tx: Transaction, tenant: _runtime.Tenant, row: dict[str, Any],
    version: int,
) -> Integration | None:  # fmt: skip
    """The integration as it is configured now, so that a repaired one is used; else as it was."""
    for policy in (tenant.policy, here.policy(tx, tenant.id, version)):
        for receiver in policy.receivers.values() if policy else ():
            for integration in receiver.integrations:
                if integration.key == row["integration"]:
                    return integration
    return None


def _send(here: _runtime.Runtime, errand: Errand) -> None:
    channel = channels.REGISTRY[errand.integration.channel]
    wait = here.limiter.wait(
        f"{_place(errand.row)} {errand.row['channel']}", channel.LIMITS.per_second,
        channel.LIMITS.burst, errand.claimed,
    )  # fmt: skip
    if wait > 0:
        _put_back(here, errand, wait)
        return
    try:
        receipt = channel.send(errand.message, errand.integration.settings, _call(here, errand))
    except errors.Retryable as error:
        _try_later(here, errand, error)
    except errors.Permanent as error:
        _give_up(here, errand, error)
    except Exception as error:
        # A bug in a channel must not lose the page: it is tried again and then shown as dead.
        log.exception("channel failed", channel=errand.row["channel"])
        _try_later(here, errand, errors.Retryable(f"{type(error).__name__} in the channel",
                                                  in_doubt=True))  # fmt: skip
    else:
        _sent(here, errand, receipt)


def _call(here: _runtime.Runtime, errand: Errand) -> channels.Call:
    chosen = here.settings
    return channels.Call(
        key=str(errand.row["id"]),
        secrets=channels.resolve_secrets(
            errand.integration.settings, errand.slug, chosen.secrets_dir
        ),
        http=channels.http_client(chosen.egress_allow),
        now=errand.claimed,
        ref=errand.ref,
        attempt=errand.row["attempts"],
        may_repeat=errand.row["in_doubt"],
    )


def _sent(here: _runtime.Runtime, errand: Errand, receipt: channels.Receipt) -> None:
    with here.record.session([errand.row["tenant"]]) as tx:
        deliveries.attempt(tx, errand.row, errand.claimed, outcome="sent")
        if receipt.ref:
            deliveries.remember(tx, errand.row, orjson.dumps(receipt.ref).decode())
        deliveries.finish(tx, errand.row, "sent")
        _count(tx, errand.row, "notifications_total", errand.row["channel"])


def _try_later(here: _runtime.Runtime, errand: Errand, error: errors.Retryable) -> None:
    row = errand.row
    with here.record.session([row["tenant"]]) as tx:
        pause = backoff.delay(row["attempts"], tx.now - row["created_at"])
        if pause is None:
            _bury(tx, row, errors.Permanent(f"given up after {row['attempts']} attempts: {error}",
                                            reason=error.reason, status_code=error.status_code),
                  errand.claimed)  # fmt: skip
            return
        due = tx.now + timedelta(seconds=max(pause, error.after or 0))
        deliveries.attempt(tx, row, errand.claimed, outcome="retry", reason=error.reason,
                           error=error.message, status_code=error.status_code)  # fmt: skip
        _count(tx, row, "notifications_failed_total", row["channel"], error.reason)
        _postpone(tx, row, error.message, due, in_doubt=row["in_doubt"] or error.in_doubt)


def _put_back(here: _runtime.Runtime, errand: Errand, wait: float) -> None:
    """Over the rate limit: nothing was tried, so nothing is counted."""
    row = {**errand.row, "attempts": errand.row["attempts"] - 1}
    with here.record.session([row["tenant"]]) as tx:
        due = tx.now + timedelta(seconds=wait)
        _postpone(tx, row, "waiting for the rate limit", due, in_doubt=row["in_doubt"])


def _postpone(
    tx: Transaction, row: dict[str, Any], cause: str, due: datetime, *, in_doubt: bool
) -> None:
    """Back into the line, unless something newer waits there.

    What may have arrived keeps its place: it is repeated under its own key, so that the provider
    can tell, and what follows it can change the message that is there.
    """
    newer = deliveries.has_successor(tx, row)
    if newer and not in_doubt:
        deliveries.finish(tx, row, "superseded", cause=str(newer))
    else:
        state = "sending" if in_doubt else "pending"
        deliveries.finish(tx, row, state, cause=cause, due_at=due, in_doubt=in_doubt)


def _give_up(here: _runtime.Runtime, errand: Errand, error: errors.Permanent) -> None:
    with here.record.session([errand.row["tenant"]]) as tx:
        _bury(tx, errand.row, error, errand.claimed)


def _bury(
    tx: Transaction, row: dict[str, Any], error: errors.Permanent, started: Any = None
) -> None:
    deliveries.attempt(tx, row, started or tx.now, outcome="dead", reason=error.reason,
                       error=error.message, status_code=error.status_code)  # fmt: skip
    deliveries.finish(tx, row, "dead", cause=error.message)
    _count(tx, row, "notifications_failed_total", row["channel"], error.reason)


def _count(tx: Transaction, row: dict[str, Any], name: str, *labels: str) -> None:
    tallies = Tallies()
    tallies.add(row["tenant"], name, *labels)
    tallies.write(tx)
