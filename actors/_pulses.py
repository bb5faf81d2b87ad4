"""Alerts that are the pings of heartbeats: as long as they come nobody is told of them."""

from __future__ import annotations

from collections.abc import Iterable

from actors import _batches, _line
from tocsin.domain import heartbeats, rules
from tocsin.domain.change import Change
from tocsin.storage import heartbeats as stored
from tocsin.storage.heartbeats import Ping


def hear(load: _line.Load, came: Iterable[_batches.Arrival]) -> None:
    """Take note of what fires and is a ping."""
    wanted = _listening(load)
    if not wanted:
        return
    found: dict[stored.Key, list[_batches.Arrival]] = {}
    for arrival in came:
        if arrival.tenant not in wanted or not arrival.posted or _over(arrival):
            continue
        for name in heartbeats.pinged_by(wanted[arrival.tenant], arrival.alert.labels):
            found.setdefault((arrival.tenant, name), []).append(arrival)
    for (tenant, name), arrivals in sorted(found.items()):
        last = max(arrivals, key=lambda each: each.received_at)
        load.pings.append(stored.folded(tenant, name, [Ping(
            "success", (load.tx.now - last.received_at).total_seconds(), source=last.source,
            agent=last.alert.labels.get("alertname", ""), times=len(arrivals),
        )]))  # fmt: skip


def take_out(load: _line.Load, changes: list[Change]) -> list[tuple[Change, str, str]]:
    """Mark those that are pings as dropped; returns them with their explanation."""
    wanted, found = _listening(load), []
    for change in changes:
        # What Tocsin raised itself is no sign of life of anybody else.
        if change.tenant not in wanted or change.source in rules.OWN:
            continue
        names = heartbeats.pinged_by(wanted[change.tenant], change.labels)
        if names:
            change.dropped = True
            found.append((change, "dropped", heartbeats.explained(names[0])))
    return found


def _listening(load: _line.Load) -> dict[int, tuple[heartbeats.Heartbeat, ...]]:
    """The heartbeats of each tenant that has some whose pings are alerts."""
    found = {}
    for id, tenant in load.tenants.items():
        known = tenant.policy.heartbeats if tenant.policy else ()
        if beats := tuple(each for each in known if each.matchers):
            found[id] = beats
    return found


def _over(arrival: _batches.Arrival) -> bool:
    ends = arrival.alert.ends_at
    return arrival.alert.status != "firing" or (ends is not None and ends <= arrival.received_at)
