"""Alerts that are the pings of heartbeats: as long as they come nobody is told of them."""

from __future__ import annotations

from collections.abc import Iterable

from actors import _batches, _line
from tocsin.domain import heartbeats, rules
from tocsin.domain.change import Change
from tocsin.storage import heartbeats as stored
from tocsin.storage.heartbeats import Ping

#: What Tocsin raised itself is no sign of life of anybody else.
OWN = frozenset({"tocsin", rules.RAISED})


def hear(load: _line.Load, came: Iterable[_batches.Arrival]) -> None:
    """Note what fires and is a ping; the alerts must be locked."""
    found: dict[stored.Key, list[_batches.Arrival]] = {}
    for arrival in came:
        ends = arrival.alert.ends_at
        over = arrival.alert.status != "firing" or (ends and ends <= arrival.received_at)
        if arrival.posted and not over:
            for name in _names(load, arrival.tenant, arrival.alert.labels):
                found.setdefault((arrival.tenant, name), []).append(arrival)
    items = []
    for (tenant, name), arrivals in sorted(found.items()):
        last = max(arrivals, key=lambda each: each.received_at)
        items.append(stored.folded(tenant, name, [Ping(
            "success", (load.tx.now - last.received_at).total_seconds(), source=last.source,
            agent=last.alert.labels.get("alertname", ""), times=len(arrivals),
        )]))  # fmt: skip
    if stored.ping(load.tx, items):
        load.wakes.add("miss")


def take_out(load: _line.Load, changes: list[Change]) -> list[tuple[Change, str, str]]:
    """Mark those that are pings as dropped; returns them with their explanation."""
    found = []
    for change in changes:
        if change.source in OWN:
            continue
        names = _names(load, change.tenant, change.labels)
        if names:
            change.dropped = True
            found.append((change, "dropped", heartbeats.explained(names[0])))
    return found


def _names(load: _line.Load, tenant: int, labels: dict[str, str]) -> tuple[str, ...]:
    policy = load.tenants[tenant].policy
    return heartbeats.pinged_by(policy.heartbeats, labels) if policy and policy.heartbeats else ()
