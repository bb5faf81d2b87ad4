"""Reading the groups that are due into the words of the decision."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actors import _runtime
from tocsin.domain import escalation, flushing, notifying, routing, suppression
from tocsin.storage import deliveries, groups, labels, timers
from tocsin.storage import silences as stored_silences
from tocsin.storage.record import Transaction

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One group whose flush is due: as the record has it, and as the decision sees it.

    `group` is None where the tenant's policy has no such route any more. Its incident is still to
    be filled in: see `_incidents`.
    """

    tenant: _runtime.Tenant
    row: Row
    members: list[Row]
    log: dict[str, Row]
    due_at: datetime
    group: flushing.Group | None


def load(
    tx: Transaction, tenants: dict[int, _runtime.Tenant], claimed: list[groups.GroupKey],
    begin: Callable[[list[groups.GroupKey]], None],
) -> list[Sheet]:  # fmt: skip
    """The claimed groups that are still due now that they are locked.

    `begin` hears which these are before anything is done about them.
    """
    rows = groups.lock(tx, claimed)
    due = timers.still_due(tx, "flush", [str(group) for _, group in rows])
    keys = [key for key in rows if (key[0], str(key[1])) in due]
    begin(keys)
    members = _by_group(groups.with_alerts(tx, keys))
    log = _by_group(deliveries.told(tx, keys))
    sheets = []
    for key in keys:
        told = {row["integration"]: row for row in log.get(key, [])}
        facts = (rows[key], members.get(key, []), told, due[key[0], str(key[1])])
        group = _group(tenants[key[0]], *facts)
        sheets.append(Sheet(tenants[key[0]], *facts, group))
    return sheets


def _group(
    tenant: _runtime.Tenant, row: Row, members: list[Row], log: dict[str, Row], due_at: datetime
) -> flushing.Group | None:
    policy = tenant.policy
    route = routing.find(policy.root, row["route"]) if policy else None
    if policy is None or route is None or route.receiver is None:
        return None
    return flushing.Group(
        id=row["id"],
        route=route,
        receiver=escalation.with_chain(policy.receivers[route.receiver]),
        members=tuple(_member(each) for each in members),
        anchor=row["anchor"],
        due_at=due_at,
        incident=None,
        log={key: _log(each) for key, each in log.items()},
    )


def silences(tx: Transaction, tenants: Iterable[int]) -> dict[int, suppression.Index]:
    """The silences and maintenance windows in force, by tenant."""
    found: dict[int, list[suppression.Silence]] = {tenant: [] for tenant in tenants}
    for row in stored_silences.active(tx, list(found), tx.now):
        found[row["tenant"]].append(stored_silences.read(row))
    return {tenant: suppression.index(some) for tenant, some in found.items()}


def _by_group(rows: Iterable[Row]) -> dict[groups.GroupKey, list[Row]]:
    found: dict[groups.GroupKey, list[Row]] = {}
    for key, some in itertools.groupby(rows, key=lambda row: (row["tenant"], row["group_id"])):
        found.setdefault(key, []).extend(some)
    return found


def _member(row: Row) -> flushing.Member:
    return flushing.Member(
        fingerprint=row["fingerprint"],
        status=row["status"],
        severity=row["severity"],
        labels=labels.of(row),
        event=row["event_id"],
        muted=row["muted_by"] is not None,
    )


def incident(row: Row) -> flushing.Incident:
    return flushing.Incident(
        id=row["id"],
        title=row["title"],
        severity=row["severity"],
        state=row["state"],
        generation=row["generation"],
        opened_at=row["opened_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
        reopened_at=row["reopened_at"],
        reopens_at=row["reopens_at"],
    )


def _log(row: Row) -> flushing.Log:
    sets = (frozenset(row[name]) for name in ("firing", "resolved", "held"))
    firing, resolved, held = sets
    told = notifying.Told(firing, resolved, row["at"], held)
    return flushing.Log(told, row["incident_id"], row["carried"], row["severity"])
