"""Alerts whose route the policy no longer gives them leave their group and are routed anew."""

from __future__ import annotations

from typing import Any

import orjson

from actors import _runtime
from tocsin.domain import grouping, heartbeats, routing
from tocsin.storage import events, groups, inbox, incidents, labels, timers
from tocsin.storage.record import Transaction

Row = dict[str, Any]


def rehouse(
    tx: Transaction, tenant: _runtime.Tenant, group: Row, members: list[Row], anew: bool = False
) -> bool:
    """Hold the members of a group against the policy; True where some are on their way.

    The caller has locked the group, and then the incident it is in.
    An alert that stays and has further routes now is sent round as well: it joins those groups.
    With `anew` all that fire are: what is known of them may have changed, and so their labels.
    """
    wanted = {m["fingerprint"]: _routes(tenant, m) for m in members if m["status"] == "firing"}
    strays = [m for m in members if group["route"] not in wanted.get(m["fingerprint"], set())]
    gone = [m for m in strays if m["status"] == "firing" or not _exists(tenant, group)]
    moving = [
        m
        for m in members
        if wanted.get(m["fingerprint"], {group["route"]}) != {group["route"]}
        or (m["status"] == "firing" and (anew or _has_rules(tenant, m) or _is_ping(tenant, m)))
    ]
    groups.move_out(
        tx,
        [{"tenant": tenant.id, "group_id": group["id"], "fingerprint": m["fingerprint"]}
         for m in gone],
    )  # fmt: skip
    _close_events(tx, tenant.id, gone)
    route_anew(tx, tenant, moving)
    stays = len(gone) < len(members)
    groups.update(tx, [{**group, "active": stays, "policy_version": tenant.version or 0}])
    if stays:
        _speak_at_next_tick(tx, tenant, group)
    else:
        timers.drop(tx, "flush", [{"tenant": tenant.id, "subject": group["id"]}])
        changed = group["policy_version"] != tenant.version or not _exists(tenant, group)
        why = "the policy changed" if changed else "its alerts moved to other groups"
        incidents.release(tx, tenant.id, group["id"], why)
    return bool(moving)


def _has_rules(tenant: _runtime.Tenant, member: Row) -> bool:
    """Whether rules may call it something else now, or did before."""
    ruled = bool(member["ruled"])
    return ruled or (tenant.policy is not None and bool(tenant.policy.rules))


def _is_ping(tenant: _runtime.Tenant, member: Row) -> bool:
    """Whether it is the sign of life of a heartbeat now, so that nobody is told of it any more."""
    known = tenant.policy.heartbeats if tenant.policy else ()
    return bool(known and heartbeats.pinged_by(known, orjson.loads(member["labels"])))


def _speak_at_next_tick(tx: Transaction, tenant: _runtime.Tenant, group: Row) -> None:
    """Its receiver may have got a channel that was told nothing yet."""
    route = routing.find(tenant.policy.root, group["route"]) if tenant.policy else None
    if route is not None and group["anchor"] is not None:
        at = grouping.next_tick(group["anchor"], route.group_interval, tx.now)
        item = {"tenant": tenant.id, "subject": group["id"], "due_at": at}
        timers.earlier(tx, "flush", [item])


def house(tx: Transaction, tenant: _runtime.Tenant, homeless: list[Row]) -> bool:
    """Send round the alerts, so far in no group, that have a receiver now or may get one."""
    steps = tenant.policy is not None and bool(tenant.policy.steps)
    moving = [alert for alert in homeless if steps or _routes(tenant, alert)]
    route_anew(tx, tenant, moving)
    return bool(moving)


def _exists(tenant: _runtime.Tenant, group: Row) -> bool:
    """Whether the policy still has the group's route, with somebody to tell."""
    route = routing.find(tenant.policy.root, group["route"]) if tenant.policy else None
    return route is not None and route.receiver is not None


def _routes(tenant: _runtime.Tenant, member: Row) -> set[str]:
    if tenant.policy is None:
        return set()
    taken = tenant.policy.routes(labels.of(member))
    return {route.id for route in taken if route.receiver}


def route_anew(tx: Transaction, tenant: _runtime.Tenant, moving: list[Row]) -> None:
    """Send stored alerts round, from `enrich` on: {fingerprint, severity}, all of which fire."""
    if not moving:
        return
    made = events.insert(
        tx,
        [
            {"tenant": tenant.id, "received_at": tx.now, "fingerprint": m["fingerprint"],
             "kind": "rerouted", "status": "firing", "severity": m["severity"], "posted": False,
             "policy_version": tenant.version, "outcome": None, "cause": None}
            for m in moving
        ],
    )  # fmt: skip
    inbox.hand_on(tx, "enrich", [(tenant.id, made, tx.now)])


def _close_events(tx: Transaction, tenant: int, gone: list[Row]) -> None:
    waiting = [m for m in gone if m["event_id"] is not None]
    if waiting:
        events.settle(
            tx,
            [{"tenant": tenant, "id": m["event_id"], "outcome": "superseded",
              "cause": "the policy changed"} for m in waiting],
            min(m["event_at"] for m in waiting),
        )  # fmt: skip
