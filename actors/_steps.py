"""Taking the steps of escalations: whom to tell by what, in which words, and what comes next."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

import channels
from actors import _escalations, _groups, _inhibitors, _messages, _runtime
from schemas.escalation import Escalation
from schemas.message import Message
from tocsin import i18n, ids
from tocsin.domain import escalation, flushing, people, routing, suppression
from tocsin.storage import escalations, groups, labels, memberships, timelines
from tocsin.storage import overrides as stand_ins
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction
from workers import queues

Row = dict[str, Any]
Ring = tuple[str, str]

#: An escalation whose alerts are all silenced, or over, looks again after this.
LOOK_AGAIN = timedelta(seconds=30)
#: So many groups of one incident are asked what fires in them.
LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Case:
    """An escalation with its incident and all that its step must know."""

    tenant: _runtime.Tenant
    row: Row
    incident: flushing.Incident
    chain: Escalation
    group: Row
    alerts: list[Row]
    world: escalation.World
    #: As the world has them; those of one escalation are the same for all its incidents.
    turns: dict[int, int]

    @property
    def firing(self) -> int:
        return sum(row["status"] == "firing" for row in self.alerts)


@dataclass(slots=True)
class Sheet:
    """What is to be written of all cases of a transaction."""

    rows: list[Row] = field(default_factory=list)
    ran: list[Row] = field(default_factory=list)
    #: By tenant, escalation and step, for several cases may go round the same one.
    turns: dict[tuple[int, str, int], int] = field(default_factory=dict)
    told: list[Row] = field(default_factory=list)
    notifications: list[Row] = field(default_factory=list)
    planned: list[Row] = field(default_factory=list)


def take(
    here: _runtime.Runtime, tx: Transaction, rows: Sequence[Row], locked: Mapping[IncidentKey, Row]
) -> set[Ring]:
    """Take the steps of these escalations, which are due; returns whom to ring after the commit."""
    sheet = Sheet()
    going = []
    for row in rows:
        incident = locked[row["tenant"], row["incident_id"]]
        if (cause := _over(row, incident)) is None:
            going.append(row)
        else:
            escalations.end(tx, row, cause)
    for case in _cases(here, tx, going, locked):
        _one(here, tx, case, sheet)
    escalations.write(tx, sheet.rows)
    escalations.ran(tx, sheet.ran)
    names = ("tenant", "name", "step")
    turns = [dict(zip(names, key, strict=True)) | {"turn": n} for key, n in sheet.turns.items()]
    escalations.turn(tx, turns)
    timelines.tell(tx, sheet.told)
    return _escalations.plan(tx, sheet.notifications, sheet.planned)


def _over(row: Row, incident: Row) -> str | None:
    """Why no further step begins, if so. Who has it may still be told that it became worse."""
    who = incident["acknowledged_by"] or incident["resolved_by"] or ""
    if row["state"] != "running" or row["generation"] < incident["generation"]:
        return f"{incident['state']} {who}".strip()
    if incident["state"] == "resolved":
        return "resolved"
    return f"acknowledged by {who}" if incident["state"] == "acknowledged" and row["told"] else None


def _cases(
    here: _runtime.Runtime, tx: Transaction, rows: Sequence[Row], locked: Mapping[IncidentKey, Row]
) -> list[Case]:
    keys = sorted({(row["tenant"], row["incident_id"]) for row in rows})
    if not keys:
        return []
    tenants = here.tenants(tx, {tenant for tenant, _ in keys})
    held: dict[IncidentKey, list[Row]] = {key: [] for key in keys}
    for member in memberships.groups_of(tx, keys):
        held[member["tenant"], member["incident_id"]].append(member)
    alerts = _alerts(tx, tenants, {key: _few(some) for key, some in held.items()})
    turns = escalations.turns(tx, [(row["tenant"], row["name"]) for row in rows])
    # As far as anything is foreseen that a message says.
    overrides = stand_ins.of(tx, sorted(tenants), tx.now, tx.now + escalation.HORIZON)
    cases = []
    for row in rows:
        key = (row["tenant"], row["incident_id"])
        tenant = tenants[row["tenant"]]
        policy = tenant.policy or here.policy(tx, tenant.id, row["policy_version"])
        if policy is None or not held[key]:
            escalations.write(tx, [{**row, "due_at": tx.now + LOOK_AGAIN}])
            continue
        mine = next((g for g in held[key] if g["group_id"] == row["group_id"]), held[key][0])
        own = turns[tenant.id, row["name"]]
        world = escalation.World(policy, overrides.get(tenant.id, ()), own)
        cases.append(
            Case(tenant, row, _groups.incident(locked[key]),
                 escalation.thawed(row["chain"]), mine, alerts[key], world, own)
        )  # fmt: skip
    return cases


def _few(some: list[Row]) -> list[Row]:
    """As many groups as a step can read: a storm has thousands. Those that go on come first."""
    return sorted(some, key=lambda group: not group["active"])[:LOOKED_AT]


def _alerts(
    tx: Transaction,
    tenants: Mapping[int, _runtime.Tenant],
    held: Mapping[IncidentKey, list[Row]],
) -> dict[IncidentKey, list[Row]]:
    """The alerts of incidents that no silence and no inhibitor holds back now, each once.

    The hours of a route do not stop what has begun: nobody has acted on it yet.
    """
    silences = _groups.silences(tx, tenants)
    of = {(t, g["group_id"]): (t, id) for (t, id), some in held.items() for g in some}
    found: dict[IncidentKey, dict[str, Row]] = {key: {} for key in held}
    rows = groups.with_alerts(tx, sorted(of))
    inhibited = _inhibitors.of_alerts(
        tx, ((tenants[row["tenant"]], row["fingerprint"], labels.of(row)) for row in rows)
    )
    for row in rows:
        key = of[row["tenant"], row["group_id"]]
        quiet = row["status"] == "firing" and (
            row["fingerprint"] in inhibited.get(row["tenant"], {})
            or suppression.silenced_by(silences[row["tenant"]], labels.of(row), tx.now)
        )
        if not quiet:
            found[key].setdefault(row["fingerprint"], row)
    return {key: list(some.values()) for key, some in found.items()}


def _one(here: _runtime.Runtime, tx: Transaction, case: Case, sheet: Sheet) -> None:
    """One burst: the steps up to the next wait."""
    row = case.row
    if not case.firing:
        _wait(tx, case, sheet)
        return
    matter = escalation.Matter(case.incident.severity, case.firing)
    place = escalation.Place(row["round"], row["step"])
    made = escalation.walk(case.chain, place, matter, case.world, tx.now)
    ahead = escalation.next_told(case.chain, made, matter, case.world)
    told, planned = row["told"], len(sheet.planned)
    for done in made.done:
        id = ids.new(tx.now) if done.told else None
        if id is not None:
            _page(here, tx, case, done, ahead, sheet, told > 0)
            id = sheet.notifications[-1]["id"]
            told += 1
        sheet.ran.append(_ran(row, done, id))
        sheet.told.append(_entry(case, done))
        if done.turn is not None:
            # The next case of this transaction goes on from there.
            case.turns[done.place.step] = done.turn
            sheet.turns[row["tenant"], row["name"], done.place.step] = done.turn
    for page in sheet.planned[planned:]:
        page["step_until"] = made.due_at
    changed = {**row, "told": told, "round": made.following.round, "step": made.following.step,
               "due_at": made.due_at, "cause": None}  # fmt: skip
    sheet.rows.append(changed if made.due_at else _exhausted(tx, case, changed, sheet))


def _wait(tx: Transaction, case: Case, sheet: Sheet) -> None:
    """Nothing fires that is not silenced: the step waits, and the story says so once."""
    if case.row["cause"] is None:
        sheet.told.append(escalations.entry(case.row, "escalation_held", {}))
    again = {"due_at": tx.now + LOOK_AGAIN, "cause": i18n.say("escalation.nothing_fires")}
    sheet.rows.append({**case.row, **again})


def _page(
    here: _runtime.Runtime, tx: Transaction, case: Case, done: escalation.Done,
    ahead: tuple[escalation.Done, datetime] | None, sheet: Sheet, later: bool,
) -> None:  # fmt: skip
    """The notification of a step with a delivery for each way of each who is told."""
    row = case.row
    message = _message(here, tx, case, "escalated" if later else row["reason"])
    made = _escalations.notification(here, tx, case.tenant, row["group_id"], message, row)
    sheet.notifications.append(made)
    for told in done.told:
        for page in told.pages:
            facts = _facts(case, done, told, page, ahead)
            sheet.planned.append(_delivery(tx, case, done, told, page, facts, made["id"]))


def _message(here: _runtime.Runtime, tx: Transaction, case: Case, reason: str) -> Message:
    route = routing.find(case.world.policy.root, case.group["route"])
    about = _messages.About(
        case.tenant.slug, case.row["receiver"], case.group, case.incident, here.settings.public_url
    )
    why = i18n.say(f"why.{reason}", line=route.line if route else 0, receiver=case.row["receiver"])
    return _messages.compose(about, reason, why, case.alerts, tx.now)


def _delivery(
    tx: Transaction, case: Case, done: escalation.Done, told: escalation.Told, page: people.Page,
    facts: Row, notification: uuid.UUID,
) -> Row:  # fmt: skip
    way = page.integration
    urgent = done.urgency == "important" or case.incident.severity == "critical"
    return {
        "tenant": case.tenant.id, "id": ids.new(tx.now), "notification_id": notification,
        "group_id": case.row["group_id"], "incident_id": case.incident.id,
        "generation": case.row["generation"], "integration": way.key, "channel": way.channel,
        "destination": channels.REGISTRY[way.channel].destination(way.settings),
        "queue": queues.PAGE if urgent else queues.NOTIFY, "due_at": page.due_at,
        "cause": _escalations.held(page.held_until) if page.held_until else None,
        "person": told.name if told.kind == "person" else None,
        "facts": orjson.dumps(facts).decode(),
    }  # fmt: skip


def _facts(
    case: Case, done: escalation.Done, told: escalation.Told, page: people.Page,
    ahead: tuple[escalation.Done, datetime] | None,
) -> Row:  # fmt: skip
    """Why this recipient is told, as facts: the words are found when it is sent."""
    return {
        "escalation": case.row["name"], "via": told.via, "name": told.by_name,
        "step": done.number, "steps": escalation.total(case.chain),
        "round": done.place.round, "rounds": case.chain.repeat + 1,
        "with": [each.name for each in done.told if each is not told],
        "next": [each.name for each in ahead[0].told] if ahead else [],
        "next_at": ahead[1] if ahead else None,
        "urgency": done.urgency, "held_until": page.held_until,
    }  # fmt: skip


def _ran(row: Row, done: escalation.Done, notification: uuid.UUID | None) -> Row:
    detail = {
        "told": [
            {"kind": each.kind, "name": each.name, "via": each.via, "by": each.by_name,
             "ways": [{"key": p.integration.key, "due_at": p.due_at, "held_until": p.held_until}
                      for p in each.pages]}
            for each in done.told
        ],
        "untold": [
            {"via": each.via, "by": each.by_name, "why": each.why, "person": each.person}
            for each in done.untold
        ],
    }  # fmt: skip
    return {
        "tenant": row["tenant"], "incident_id": row["incident_id"], "name": row["name"],
        "generation": row["generation"], "run": row["run"], "round": done.place.round,
        "step": done.place.step, "due_at": row["due_at"],
        "outcome": "told" if done.told else "skipped", "urgency": done.urgency,
        "notification_id": notification, "detail": orjson.dumps(detail).decode(),
    }  # fmt: skip


def _entry(case: Case, done: escalation.Done) -> Row:
    detail = {
        "step": done.number, "steps": escalation.total(case.chain), "round": done.place.round,
        "told": [each.name for each in done.told],
        "untold": [{"via": each.via, "name": each.person or each.by_name, "why": each.why}
                   for each in done.untold],
    }  # fmt: skip
    kind = "escalation_step" if done.told else "escalation_skipped"
    return escalations.entry(case.row, kind, detail)


def _exhausted(tx: Transaction, case: Case, row: Row, sheet: Sheet) -> Row:
    """Nobody acted in the last round: the incident stays open, and that is an alarm of its own."""
    sheet.told.append(escalations.entry(row, "escalation_exhausted", {"told": row["told"]}))
    if row["told"]:
        # News that came after the last page: no step is left that could tell of them.
        escalations.settle(tx, [row], "grouped", str(row["incident_id"]))
    else:
        escalations.settle(tx, [row], "failed", f"escalation {row['name']}: nobody to tell")
    mine = any(labels.of(each).get("alertname") == escalations.EXHAUSTED for each in case.alerts)
    # One alarm stands until somebody acts, however often the escalation begins again.
    if mine or row["alarmed"] is not None or case.incident.state != "open":
        return {**row, "state": "exhausted", "ended_at": tx.now}
    escalations.alarm(tx, row, case.incident.title)
    return {**row, "state": "exhausted", "ended_at": tx.now, "alarmed": row["generation"]}
