"""Claiming deliveries: what is due, still wanted, and how to send it; or why not any more."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
import structlog

from actors import _circuits, _fates, _links, _readers, _runtime
from schemas.message import Message
from tocsin import errors, i18n
from tocsin.domain.policy import Integration, Policy
from tocsin.storage import briefs, contacts, deliveries, inbox
from tocsin.storage.record import Transaction

#: Threads of one process that one destination may hold: a quarter of those of `page`.
PER_DESTINATION = 4
#: So many destinations are remembered as those that answer.
PROVEN = 5000
#: From so many claims without a result on, a delivery may be what kills its workers.
SUSPECT = 2
#: A delivery that came to no result in so many claims is put aside.
POISON = 5


@dataclass(frozen=True, slots=True)
class Errand:
    """A claimed delivery with all that sending it needs."""

    row: dict[str, Any]
    brief: briefs.Brief
    integration: Integration
    message: Message
    ref: dict[str, str] | None
    claimed: datetime
    #: The version of the policy in which the integration was found.
    policy: Policy
    locale: str


Rows = list[dict[str, Any]]
#: Claims, but for these busy destinations; the second says whether what is suspect may come.
Claim = Callable[[list[str], bool], Rows]


class InFlight:
    """How many deliveries to each destination this process has under way.

    A destination that has not answered yet, or failed the last time, gets a single thread: many
    that hang at once must not take all. One that was in the hands of workers that died goes alone,
    so that it takes nobody along again.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._alone = False
        self._lock = threading.Lock()

    def take(self, claim: Claim) -> Rows:
        """Claim, passing by what is busy, and count it; two threads never see the same room."""
        with self._lock:
            if self._alone:
                return []
            busy = [key for key, n in self._counts.items() if n >= self._room(key)]
            taken = claim(busy, not self._counts)
            self._counts.update(map(place, taken))
            self._alone = any(row["claims"] > SUSPECT for row in taken)
            return taken

    def done(self, row: dict[str, Any], *, well: bool | None) -> None:
        """It arrived or did not; None: it was not tried after all, which proves nothing."""
        with self._lock:
            key = place(row)
            self._alone = False
            self._counts[key] -= 1
            if self._counts[key] <= 0:
                del self._counts[key]
            if well is not None:
                self._proven.pop(key, None)
            if well:
                self._proven[key] = None
                if len(self._proven) > PROVEN:
                    self._proven.popitem(last=False)

    def _room(self, key: str) -> int:
        return PER_DESTINATION if key in self._proven else 1


in_flight = InFlight()
log = structlog.get_logger(__name__)


def place(row: dict[str, Any]) -> str:
    """The destination as the limits know it: a tenant's own."""
    return f"{row['tenant']} {row['destination']}"


def claim(here: _runtime.Runtime, channel: str, queue: str) -> list[Errand] | None:
    """None: nothing is due. An empty list: what was due needs no sending any more."""
    return here.record.again(lambda: _claim(here, channel, queue))


def _claim(here: _runtime.Runtime, channel: str, queue: str) -> list[Errand] | None:
    """Only the claim itself has to be one thread's at a time: others claim while this looks on."""
    lease = timedelta(seconds=here.settings.lease_seconds)
    rows: Rows = []
    ready: list[Errand] = []
    try:
        with here.record.claims() as tx:
            rows = in_flight.take(
                lambda busy, suspects: deliveries.claim(
                    tx, queue, channel, 1, lease, busy, suspects=suspects
                )
            )
            found = (_errand(here, tx, row, lease) for row in rows)
            ready = [errand for errand in found if errand is not None]
    except BaseException:
        ready = []
        raise
    finally:
        going = {errand.row["id"] for errand in ready}
        for row in rows:
            if row["id"] not in going:
                in_flight.done(row, well=None)
    return ready if rows else None


def _errand(
    here: _runtime.Runtime, tx: Transaction, row: dict[str, Any], lease: timedelta
) -> Errand | None:
    with tx.together():
        tx.scope([row["tenant"]])
        brief = briefs.look(tx, row)
    row["reason"] = brief.reason
    if stop := _obsolete(row, brief, tx.now):
        deliveries.attempt(tx, row, tx.now, outcome="superseded", error=stop)
        deliveries.finish(tx, row, "superseded", cause=stop)
        if row["in_doubt"] and brief.ref is None:
            deliveries.remember(tx, row, orjson.dumps({"doubt": str(row["id"])}).decode())
        return None
    if _kept_back(tx, row, brief, lease):
        return None
    try:
        return _packed(here, tx, row, brief)
    except (errors.RecordAway, errors.Again, psycopg.Error):
        raise
    except (errors.TocsinError, ValueError) as error:
        # It must not stand at the head of the queue for ever.
        cause = errors.Permanent(f"it cannot be sent as it is: {error}", reason="configError")
        _fates.bury(tx, row, cause, tx.now)
        return None
    except Exception as error:
        # A bug of ours: later versions may do better, and the others in the queue must not wait.
        log.exception("a delivery cannot be prepared", delivery=str(row["id"]))
        bug = errors.Retryable(f"{type(error).__name__} while it was prepared")
        _fates.postpone(tx, row, tx.now, bug)
        return None


def _kept_back(tx: Transaction, row: dict[str, Any], brief: briefs.Brief, lease: timedelta) -> bool:
    """Whether it must not be begun: it kills who takes it, or its destination is left alone."""
    if row["claims"] > POISON:
        _put_aside(tx, row)
        return True
    if row["claims"] > SUSPECT:
        _fates.give_over(tx, row, tx.now)
    known = _circuits.hold(tx, row, lease) if brief.troubled else None
    if known is not None:
        _fates.hold(tx, row, known)
        _circuits.hold_rest(tx, row, known)
    return known is not None


def _put_aside(tx: Transaction, row: dict[str, Any]) -> None:
    """It kills who takes it: a dead letter, and somebody is told; the rest goes on."""
    said = i18n.say("failover.poison", n=POISON)
    _fates.bury(tx, row, errors.Permanent(said), tx.now)
    summary = "A delivery that ends the process that sends it was put aside"
    text = f"delivery {row['id']} to {row['destination']}: {said} (tocsin delivery show)"
    inbox.page(tx, row["tenant"], "TocsinQuarantined", summary, text)


def _packed(
    here: _runtime.Runtime, tx: Transaction, row: dict[str, Any], brief: briefs.Brief
) -> Errand:
    found = _integration(here, tx, row, brief)
    if found is None:
        raise errors.NotFound(f"the policy has no {row['integration']} any more")
    body = here.sealer.open(tx, row["tenant"], brief.message)
    policy, integration = found
    composed = _links.with_link(here, row, brief.slug, Message.model_validate_json(body))
    reader = _readers.of(policy, integration, composed)
    caution = _readers.doubt(tx, row["tenant"], reader, integration)
    return Errand(
        row,
        brief,
        integration,
        _readers.worded(composed, row, reader, caution),
        orjson.loads(brief.ref) if brief.ref else None,
        tx.now,
        policy,
        reader.locale,
    )


def _obsolete(row: dict[str, Any], brief: briefs.Brief, now: datetime) -> str | None:
    """Why this must not be begun any more, if so: nothing begins after an act that stops it."""
    if brief.reason == contacts.TEST:
        return _readers.outdated(brief.planned_at, now)
    assert brief.generation is not None
    if brief.reason in deliveries.PAGING and row["generation"] < brief.generation:
        return brief.by
    return None


def _integration(
    here: _runtime.Runtime, tx: Transaction, row: dict[str, Any], brief: briefs.Brief
) -> tuple[Policy, Integration] | None:
    """The integration as it is configured now, so that a repaired one is used; else as it was.

    With it the policy that has it, whose templates and languages are used: for the same reason.
    """
    for version in (brief.version, brief.planned_with):
        policy = here.policy(tx, row["tenant"], version)
        if policy and (integration := policy.integration(row["integration"])):
            return policy, integration
    return None
