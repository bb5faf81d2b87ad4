"""The line of stages: each is an actor; neighbours on one queue run in one transaction.

Between queues stands an inbox row that names the next stage. The order is `queues.STAGES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from actors import _repeats, _runtime, _scores, _work
from tocsin.domain.change import Change, Repeat
from tocsin.storage import events, heartbeats, inbox, labels
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies
from workers import drain, queues


@dataclass
class Load:
    """One drain on its way: its transaction, its tenants, what it counts and whom it wakes."""

    tx: Transaction
    tenants: dict[int, _runtime.Tenant]
    tallies: Tallies = field(default_factory=Tallies)
    wakes: set[str] = field(default_factory=set)
    #: The stage that this drain began with.
    first: str = queues.STAGES[0]
    #: What was repeated, for tenants whose rules count; and whether its alerts are locked here.
    repeats: list[Repeat] = field(default_factory=list)
    locked: bool = False
    #: Alerts that are pings of heartbeats, to be noted last: who posts pings waits for their rows.
    pings: list[dict[str, Any]] = field(default_factory=list)


#: Drains begin no sooner one after the other while they find work.
BEAT_SECONDS = 0.02
#: The stage that wants to know of repeats.
COUNTING = "evaluate"
#: A stage takes the changes that come and returns those that go on.
Stage = Callable[[Load, list[Change]], list[Change]]
#: The first stage takes inbox rows instead.
First = Callable[[Load, drain.Rows], list[Change]]

_stages: dict[str, Any] = {}


def stage(function: Any) -> Any:
    """Make a function a stage and an actor of its own name."""
    name = function.__name__
    _stages[name] = function
    _work.actor(name, _runtime.queue_of(name), beat=BEAT_SECONDS)(lambda queue: run(name))
    return function


def run(name: str) -> bool:
    """Drain what waits for this stage; True where there may be more."""
    here = _runtime.here()
    line = queues.fused(name, here.queues)
    wakes: set[str] = set()
    more = drain.drain(
        here.record, name, lambda tx, rows: _through(line, tx, rows, wakes),
        here.settings.drain_alerts,
    )  # fmt: skip
    for actor in sorted(wakes):
        here.wake(actor)
    return more


def _through(line: tuple[str, ...], tx: Transaction, rows: drain.Rows, wakes: set[str]) -> None:
    here = _runtime.here()
    first, *others = line
    tenants = here.tenants(tx, {row["tenant"] for row in rows})
    load = Load(tx, tenants, wakes=wakes, first=first)
    wakes.clear()
    if first == queues.STAGES[0]:
        load.locked = True
        changes = _stages[first](load, rows)
        if _scores.leave(tx, tenants, changes):
            load.wakes.add("score")
    else:
        load.repeats = _repeats.stored(tx, rows)
        changes = _stages[first](load, stored(tx, rows))
    for name in others:
        changes = _stages[name](load, changes)
    _hand_on(load, queues.following(line[-1]), changes)
    if load.repeats and COUNTING not in line:
        _repeats.hand_on(tx, COUNTING, load.repeats)
        load.wakes.add(COUNTING)
    load.tallies.write(tx)
    if heartbeats.ping(tx, load.pings):
        load.wakes.add("miss")


def _hand_on(load: Load, following: str | None, changes: list[Change]) -> None:
    if following is None or not changes:
        return
    changes = sorted(changes, key=lambda change: change.tenant)
    parcels = []
    for tenant, some in itertools.groupby(changes, key=lambda change: change.tenant):
        own = list(some)
        parcels.append((tenant, [c.event for c in own], min(c.received_at for c in own)))
    inbox.hand_on(load.tx, following, parcels)
    load.wakes.add(following)


def stored(tx: Transaction, rows: drain.Rows) -> list[Change]:
    """The changes that inbox rows of a later stage point to, as the record has them."""
    wanted = [event for row in rows for event in row["events"] or ()]
    since = min(row["received_at"] for row in rows)
    return [
        Change(
            tenant=row["tenant"],
            fingerprint=row["fingerprint"],
            event=row["id"],
            received_at=row["received_at"],
            kind=row["kind"],
            status=row["status"],
            severity=row["severity"],
            labels=orjson.loads(row["labels"]),
            starts_at=row["starts_at"],
            annotations=orjson.loads(row["annotations"]),
            source=row["source"],
            extra=labels.pairs(row["extra"]),
            added=labels.pairs(row["added"]),
            ruled=labels.pairs(row["ruled"]),
            policy_version=row["policy_version"],
            dropped=row["outcome"] == "dropped",
        )
        for row in events.changes(tx, wanted, since)
    ]
