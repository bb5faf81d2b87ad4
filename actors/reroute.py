"""Reroute: a policy changed, so the alerts that fire are held against the new rules and routes."""

from __future__ import annotations

from typing import Any

import orjson

from actors import _inhibitors, _rehouse, _rules, _runtime, _work
from tocsin.domain import freshness, rules
from tocsin.domain.policy import Policy
from tocsin.storage import alerts, groups, incidents, memberships, timers
from tocsin.storage.record import Transaction

#: Groups, and alerts, of one transaction.
LIMIT = 100
ALERTS = 1000
#: The subject of the timer while it is the turn of the alerts: this and where to go on.
ALONE = "alerts after "
#: And before the groups, which ask what inhibits their members: these are the sources.
SOURCES = "sources after "
GROUPS = "groups"
#: And last, those that are over when nobody posts them any more.
FADING = "fading after "


@_work.actor("reroute", _runtime.queue_of("reroute"))
def reroute(queue: str) -> bool:
    """Take the next groups of a tenant whose policy changed; True where there may be more."""
    here = _runtime.here()
    with here.record.claims() as tx:
        due = timers.due(tx, "reroute", 1)
        if not due:
            return False
        moved = _next(here, tx, due[0])
    if moved:
        here.wake("enrich")
    return True


def _next(here: _runtime.Runtime, tx: Transaction, due: dict[str, Any]) -> bool:
    """First what inhibits, then the groups, then the alerts that fire in none of them.

    The timer's subject says how far it is.
    """
    id = due["tenant"]
    tx.scope([id])
    tenant = here.tenants(tx, [id])[id]
    if due["subject"].startswith(FADING):
        return _fade(tx, tenant, due)
    if due["subject"].startswith(ALONE):
        return _alone(tx, tenant, due)
    if due["subject"] != GROUPS:
        further = _sources(tx, tenant, due)
        if further != GROUPS:
            return False
        due = {**due, "subject": GROUPS}
    _rules.retire(tx, tenant)
    keys = groups.of_older_policy(tx, id, tenant.version or 0, LIMIT)
    rows = groups.lock(tx, keys)
    members: dict[groups.GroupKey, list[dict[str, Any]]] = {key: [] for key in keys}
    for member in groups.with_alerts(tx, keys):
        members[id, member["group_id"]].append(member)
    # All at once and in order, before one of them is touched.
    of = memberships.of(tx, keys).values()
    incidents.lock(tx, [(id, member["incident_id"]) for member in of])
    moved = [
        _rehouse.rehouse(tx, tenant, rows[key], members[key], _anew(here, tx, tenant, rows[key]))
        for key in keys
    ]
    if not keys:
        _go_on(tx, due, ALONE)
    return any(moved)


def _anew(
    here: _runtime.Runtime, tx: Transaction, tenant: _runtime.Tenant, group: dict[str, Any]
) -> bool:
    """Whether more, or something else, is known of alerts than when the group was held last."""
    before = here.policy(tx, tenant.id, group["policy_version"] or None)
    return before is None or tenant.policy is None or _known(before) != _known(tenant.policy)


def _known(policy: Policy) -> tuple[Any, ...]:
    steps = [(step.digest, step.name, step.matchers, step.overwrite) for step in policy.steps]
    return policy.enrichment, steps, policy.services


def _alone(tx: Transaction, tenant: _runtime.Tenant, due: dict[str, Any]) -> bool:
    _rules.retire(tx, tenant)
    found = alerts.in_no_group(tx, tenant.id, due["subject"].removeprefix(ALONE), ALERTS)
    moved = _rehouse.house(tx, tenant, [alert for alert in found if alert["homeless"]])
    fading = FADING if tenant.policy and tenant.policy.freshness else None
    _go_on(tx, due, ALONE + found[-1]["fingerprint"] if len(found) == ALERTS else fading)
    return moved


def _fade(tx: Transaction, tenant: _runtime.Tenant, due: dict[str, Any]) -> bool:
    """What fires already, and perhaps is stuck since long, gets an end as what is posted does."""
    after, own = due["subject"].removeprefix(FADING), sorted(rules.OWN)
    found = alerts.lock_endless(tx, tenant.id, after, own, ALERTS)
    fading, items = tenant.policy.freshness if tenant.policy else (), []
    for row in found:
        lasts = freshness.stale_after(fading, orjson.loads(row["labels"]))
        if lasts is not None:
            items.append({"tenant": tenant.id, "subject": row["fingerprint"],
                          "due_at": row["last_seen"] + lasts})  # fmt: skip
    alerts.fade(tx, items)
    _go_on(tx, due, FADING + found[-1]["fingerprint"] if len(found) == ALERTS else None)
    return False


def _sources(tx: Transaction, tenant: _runtime.Tenant, due: dict[str, Any]) -> str:
    """A page of what inhibits; returns what comes next."""
    after = due["subject"].removeprefix(SOURCES) if due["subject"].startswith(SOURCES) else ""
    further = _inhibitors.anew(tx, tenant, after, ALERTS)
    following = GROUPS if further is None else SOURCES + further
    _go_on(tx, due, following)
    return following


def _go_on(tx: Transaction, due: dict[str, Any], subject: str | None) -> None:
    timers.drop(tx, "reroute", [due])
    if subject is not None:
        timers.exactly(tx, "reroute", [{**due, "subject": subject}])
