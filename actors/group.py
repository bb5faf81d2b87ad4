"""Group: which groups does each change belong to, and when do they speak?"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from actors import _inhibitors, _line, _storms
from tocsin.domain import grouping, routing
from tocsin.domain import storms as rules
from tocsin.domain.change import Change
from tocsin.storage import events, groups, timers

GroupKey = tuple[int, uuid.UUID]


@dataclass(slots=True)
class Gathered:
    """The changes of one drain that fall into one group."""

    route: routing.Route
    labels: dict[str, str]
    changes: dict[str, Change] = field(default_factory=dict)

    @property
    def fires(self) -> bool:
        return any(change.status == "firing" for change in self.changes.values())


@_line.stage
def group(load: _line.Load, changes: list[Change]) -> list[Change]:
    """Put each change into its groups and set their timers. Nothing goes on: the flush follows."""
    outcomes: list[dict[str, Any]] = []
    gathered = _gather(load, changes, outcomes)
    groups.ensure(load.tx, [_new(load, key, g) for key, g in gathered.items() if g.fires])
    strays = _strays(load, changes, gathered)
    locked = groups.lock(load.tx, [*gathered, *((s["tenant"], s["group_id"]) for s in strays)])
    _inhibitors.note(load, changes)
    outcomes += _leave(load, strays)
    present = groups.members(
        load.tx, [(*key, mark) for key, g in gathered.items() for mark in g.changes]
    )
    joining = []
    for key, g in gathered.items():
        for mark, change in g.changes.items():
            before = present.get((*key, mark))
            if change.status == "resolved" and before is None:
                # Nobody was told and nobody waits to be.
                outcomes.append(_outcome(change.tenant, change.event, "grouped", "not in a group"))
                continue
            if before is not None and before["event_id"] is not None:
                outcomes.append(
                    _outcome(change.tenant, before["event_id"], "superseded", str(change.event))
                )
            joining.append(_member(key, change))
    groups.join(load.tx, joining)
    _wake(load, gathered, locked, {(m["tenant"], m["group_id"]) for m in joining})
    if outcomes:
        events.settle(load.tx, outcomes, _since(load, changes, [*present.values(), *strays]))
    _storms.count(
        load, _fresh(load, gathered, {*present, *((*_key(s), s["fingerprint"]) for s in strays)})
    )
    return []


def _key(row: dict[str, Any]) -> GroupKey:
    return row["tenant"], row["group_id"]


def _fresh(
    load: _line.Load, gathered: dict[GroupKey, Gathered], present: set[tuple[int, uuid.UUID, str]]
) -> list[Change]:
    """The changes that somebody would be told of; what was in a group before is known."""
    known = {(tenant, mark) for tenant, _, mark in present}
    return [
        change
        for (tenant, _), g in gathered.items()
        if _tells(load, tenant, g)
        for change in g.changes.values()
        if rules.counts(
            change.kind, change.status, known=(change.tenant, change.fingerprint) in known
        )
    ]


def _tells(load: _line.Load, tenant: int, g: Gathered) -> bool:
    """Whether its receiver has anybody to tell."""
    policy = load.tenants[tenant].policy
    known = policy.receivers.get(g.route.receiver or "") if policy else None
    return known is not None and bool(known.integrations or known.escalation)


def _strays(
    load: _line.Load, changes: list[Change], gathered: dict[GroupKey, Gathered]
) -> list[dict[str, Any]]:
    """Where alerts still are although their labels, as they are now, lead elsewhere."""
    known = {(c.tenant, c.fingerprint) for c in changes if c.status == "firing" and c.kind != "new"}
    return [
        row
        for row in groups.memberships(load.tx, sorted(known))
        if row["fingerprint"] not in _marks(gathered, (row["tenant"], row["group_id"]))
    ]


def _marks(gathered: dict[GroupKey, Gathered], key: GroupKey) -> set[str]:
    return set(gathered[key].changes) if key in gathered else set()


def _leave(load: _line.Load, strays: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take them out of there; the flush that is due then sees what is left of the group."""
    groups.move_out(
        load.tx, [{k: s[k] for k in ("tenant", "group_id", "fingerprint")} for s in strays]
    )
    due = {(s["tenant"], s["group_id"]) for s in strays}
    items = [{"tenant": t, "subject": g, "due_at": load.tx.now} for t, g in sorted(due)]
    timers.earlier(load.tx, "flush", items)
    if items:
        load.wakes.add("flush")
    return [
        _outcome(s["tenant"], s["event_id"], "superseded", "its labels lead to another group")
        for s in strays
        if s["event_id"] is not None
    ]


def _gather(
    load: _line.Load, changes: list[Change], outcomes: list[dict[str, Any]]
) -> dict[GroupKey, Gathered]:
    found: dict[GroupKey, Gathered] = {}
    last = {(change.tenant, change.fingerprint): change for change in changes}
    for change in changes:
        if change.dropped:
            continue  # what is left is to take it out of the groups that it is in
        final = last[change.tenant, change.fingerprint]
        if change is not final and final.status == "firing":
            # It fires on, perhaps elsewhere: where it was before must not keep it.
            outcomes.append(_outcome(change.tenant, change.event, "superseded", str(final.event)))
            continue
        policy = load.tenants[change.tenant].policy
        labels_now = change.effective
        taken = policy.routes(labels_now) if policy else ()
        heard = [route for route in taken if route.receiver]
        if not heard:
            outcomes.append(_outcome(change.tenant, change.event, "no_route", "no receiver"))
        for route in heard:
            labels = routing.group_labels(route, labels_now)
            key = (change.tenant, grouping.group_id(change.tenant, route.id, labels))
            g = found.setdefault(key, Gathered(route, labels))
            if earlier := g.changes.get(change.fingerprint):
                outcomes.append(
                    _outcome(change.tenant, earlier.event, "superseded", str(change.event))
                )
            g.changes[change.fingerprint] = change
    return dict(sorted(found.items()))


def _wake(
    load: _line.Load,
    gathered: dict[GroupKey, Gathered],
    locked: dict[GroupKey, dict[str, Any]],
    touched: set[GroupKey],
) -> None:
    """Activate groups that slept and see to it that each one touched speaks in time."""
    now = load.tx.now
    activated, due = [], []
    for key in sorted(touched):
        g, row = gathered[key], locked[key]
        if not row["active"]:
            row = {**row, "active": True, "anchor": None, "created_at": now}
            activated.append({**row, "policy_version": load.tenants[key[0]].version})
        at = _due(g, row, now)
        urgent = any(c.status == "firing" and c.severity == "critical" for c in g.changes.values())
        due.append({"tenant": key[0], "subject": key[1], "due_at": at, "urgent": urgent})
        if at <= now:
            load.wakes.add("flush")
    groups.update(load.tx, activated)
    timers.earlier(load.tx, "flush", due)


def _due(g: Gathered, row: dict[str, Any], now: datetime) -> datetime:
    if row["anchor"] is not None:
        return grouping.next_tick(row["anchor"], g.route.group_interval, now)
    starts = min(change.starts_at for change in g.changes.values())
    return grouping.first_flush(now, row["created_at"], starts, g.route.group_wait)


def _since(load: _line.Load, changes: list[Change], present: Iterable[dict[str, Any]]) -> datetime:
    older = [row["event_at"] for row in present if row["event_at"] is not None]
    return min([change.received_at for change in changes] + older, default=load.tx.now)


def _new(load: _line.Load, key: GroupKey, g: Gathered) -> dict[str, Any]:
    labels = orjson.dumps(g.labels, option=orjson.OPT_SORT_KEYS).decode()
    return {"tenant": key[0], "id": key[1], "route": g.route.id, "receiver": g.route.receiver,
            "labels": labels, "policy_version": load.tenants[key[0]].version}  # fmt: skip


def _member(key: GroupKey, change: Change) -> dict[str, Any]:
    return {"tenant": key[0], "group_id": key[1], "fingerprint": change.fingerprint,
            "event_id": change.event, "event_at": change.received_at}  # fmt: skip


def _outcome(tenant: int, event: int, outcome: str, cause: str) -> dict[str, Any]:
    return {"tenant": tenant, "id": event, "outcome": outcome, "cause": cause}
