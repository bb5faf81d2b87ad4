"""The sweep: what the record says is due, whoever may or may not have been told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.storage import due
from tocsin.storage.record import Record
from workers import enqueue, queues


def rings(work: list[due.Due], stages: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Whom to ring for this work: (actor, queue)."""
    for item in work:
        if item.kind in ("inbox", "timer", "lookup"):
            # A newer version may have left work that this one has no actor for.
            actor = queues.TIMERS.get(item.work, "") if item.kind == "timer" else item.work
            if actor in stages:
                yield actor, stages[actor]
        else:
            yield queues.deliver(item.work), item.kind


def sweep(record: Record, bell: enqueue.Bell, stages: dict[str, str]) -> datetime | None:
    """Ring for all that is due now; returns when the next thing falls due, if one is known."""
    with record.claims() as tx:
        work = due.now(tx)
        following = due.following(tx)
    # Timers of several kinds may wake one actor.
    for actor, queue in dict.fromkeys(rings(work, stages)):
        bell.ring(actor, queue)
    return following
