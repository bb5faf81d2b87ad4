"""Writing down what the flush made of incidents: who joined them, and the lines of their story."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from actors import _groups, _incidents, _ran_out
from tocsin.domain import correlation, escalation, flushing
from tocsin.storage import memberships, timelines
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

COUNTED = ("opened", "reopened", "joined")


@dataclass(frozen=True, slots=True)
class Decided:
    """A group that was due, what is to be done about it, and its incident after that."""

    sheet: _groups.Sheet
    group: flushing.Group
    plan: flushing.Plan
    scene: _incidents.Scene | None
    #: The tenant's silences that end with what they hold back.
    passing: frozenset[str] = frozenset()


def joins(tx: Transaction, decided: Iterable[Decided], desk: _incidents.Desk) -> None:
    """Write which groups opened or joined an incident, and what can be compared of the others."""
    joins, notes = [], []
    for d in decided:
        key = {"tenant": d.sheet.tenant.id, "group_id": d.group.id}
        if d.plan.act in ("opened", "joined") and d.plan.incident is not None:
            join = d.plan.join
            joins.append({
                **key, "incident_id": d.plan.incident.id, "reason": join.kind if join else "opened",
                "confidence": join.confidence if join else 1.0, "facts": _incidents.stored(d.sheet),
                "detail": orjson.dumps({"rule": join.rule, **join.detail} if join else {}).decode(),
            })  # fmt: skip
        elif (facts := desk.noted(d.sheet)) is not None:
            notes.append({**key, "facts": facts})
    memberships.join(tx, joins)
    memberships.note(tx, notes)


def tell(tx: Transaction, decided: Iterable[Decided], tallies: Tallies) -> None:
    """Append what happened to the stories of the incidents, and count it."""
    told = []
    for d in decided:
        incident, tenant, plan = d.plan.incident, d.sheet.tenant.id, d.plan
        if incident is None:
            continue
        told += [_entry(tenant, incident, kind, detail) for kind, detail in _happened(d)]
        if plan.act in COUNTED:
            tallies.add(tenant, "correlations_processed_total", plan.act)
        elif "new_alerts" in plan.reasons.values():
            tallies.add(tenant, "correlations_processed_total", "joined")
    timelines.tell(tx, told)


def _happened(d: Decided) -> Iterator[tuple[str, dict[str, Any]]]:
    plan = d.plan
    if plan.act == "joined" and plan.storm:
        pass  # thousands do; the storm has a list of them
    elif plan.act == "joined" and plan.join is not None:
        yield "joined", _joined(d, plan.join)
    elif plan.act:
        yield plan.act, {"alerts": len(plan.firing)}
    marks = {member.fingerprint for member in plan.resolved}
    if lost := _ran_out.of(row for row in d.sheet.members if row["fingerprint"] in marks):
        yield "expired", {"alerts": len(lost), "since": max(row["last_seen"] for row in lost)}
    if plan.part_over:
        yield "part_over", _named(d)
    chains = {e.key for e in d.group.receiver.integrations if e.channel == escalation.CHANNEL}
    if told := {key: reason for key, reason in plan.reasons.items() if key not in chains}:
        yield "notified", {"reasons": told}


def _joined(d: Decided, join: correlation.Join) -> dict[str, Any]:
    sure = {"rule": join.rule, "reason": join.kind, "confidence": join.confidence, **join.detail}
    return {**_named(d), "alerts": len(d.plan.firing), **sure}


def _named(d: Decided) -> dict[str, Any]:
    return {"group": str(d.group.id), "group_labels": orjson.loads(d.sheet.row["labels"]),
            "receiver": d.group.receiver.name}  # fmt: skip


def _entry(
    tenant: int, incident: flushing.Incident, kind: str, detail: dict[str, Any]
) -> dict[str, Any]:
    return {"tenant": tenant, "incident_id": incident.id, "kind": kind, "actor": "tocsin",
            "detail": orjson.dumps(detail).decode()}  # fmt: skip
