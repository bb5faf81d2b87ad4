"""Alerts whose route the policy no longer gives them leave their group and are routed anew."""

from __future__ import annotations

from typing import Any

import orjson

from actors import _runtime
from tocsin.domain import grouping, routing
from tocsin.storage import events, groups, inbox, incidents, timers
from tocsin.storage.record import Transaction

Row = dict[str, Any]


def rehouse(tx: Transaction, tenant: _runtime.Tenant, group: Row, members: list[Row]) -> bool:
    """Hold the members of a locked group against the policy; True where some are on their way.

    An alert that stays and has further routes now is sent round as well: it joins those groups.
    """
    wanted = {m["fingerprint"]: _routes(tenant, m) for m in members if m["status"] == "firing"}
    strays = [m for m in members if group["route"] not in wanted.get(m["fingerprint"], set())]
    gone = [m for m in strays if m["status"] == "firing" or not _exists(tenant, group)]
    moving = [
        m for m in members if wanted.get(m["fingerprint"], {group["route"]}) != {group["route"]}
    ]
    groups.leave(
        tx,
        [{"tenant": tenant.id, "group_id": group["id"], "fingerprint": m["fingerprint"]}
         for m in gone],
    )  # fmt: skip
    _close_events(tx, tenant.id, gone)
    _route_anew(tx, tenant, moving)
    stays = len(gone) < len(members)
    groups.update(tx, [{**group, "active": stays, "policy_version": tenant.version or 0}])
    if stays:
        _speak_at_next_tick(tx, tenant, group)
    else:
        timers.drop(tx, "flush", [{"tenant": tenant.id, "subject": group["id"]}])
        incidents.close(tx, tenant.id, group["id"], "the policy changed")
    return bool(moving)


def _speak_at_next_tick(tx: Transaction, tenant: _runtime.Tenant, group: Row) -> None:
    """Its receiver may have got a channel that was told nothing yet."""
    route = routing.find(tenant.policy.root, group["route"]) if tenant.policy else None
    if route is not None and group["anchor"] is not None:
        at = grouping.next_tick(group["anchor"], route.group_interval, tx.now)
        item = {"tenant": tenant.id, "subject": group["id"], "due_at": at}
        timers.earlier(tx, "flush", [item])


def house(tx: Transaction, tenant: _runtime.Tenant, homeless: list[Row]) -> bool:
    """Send round the alerts, so far in no group, that have a receiver now."""
    moving = [alert for alert in homeless if _routes(tenant, alert)]
    _route_anew(tx, tenant, moving)
    return bool(moving)


def _exists(tenant: _runtime.Tenant, group: Row) -> bool:
    """Whether the policy still has the group's route, with somebody to tell."""
    route = routing.find(tenant.policy.root, group["route"]) if tenant.policy else None
    return route is not None and route.receiver is not None


def _routes(tenant: _runtime.Tenant, member: Row) -> set[str]:
    if tenant.policy is None:
        return set()
    labels = orjson.loads(member["labels"])
    return {route.id for route in routing.match(tenant.policy.root, labels) if route.receiver}


def _route_anew(tx: Transaction, tenant: _runtime.Tenant, moving: list[Row]) -> None:
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
    inbox.hand_on(tx, "evaluate", [(tenant.id, made, tx.now)])


def _close_events(tx: Transaction, tenant: int, gone: list[Row]) -> None:
    waiting = [m for m in gone if m["event_id"] is not None]
    if waiting:
        events.settle(
            tx,
            [{"tenant": tenant, "id": m["event_id"], "outcome": "superseded",
              "cause": "the policy changed"} for m in waiting],
            min(m["event_at"] for m in waiting),
        )  # fmt: skip
