"""Escalations of an incident for the API: what their steps did, and what comes if nobody acts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import orjson

from schemas import escalated as schema
from schemas.escalation import Escalation
from tocsin.domain import escalation, oncall
from tocsin.domain.policy import Policy
from tocsin.i18n import chains
from tocsin.storage import escalations, search_deliveries
from tocsin.storage import overrides as stand_ins
from tocsin.storage.record import Transaction
from tocsin.web import in_force

Row = dict[str, Any]

#: So many steps are foreseen.
AHEAD = 60


def of_incident(
    tx: Transaction, tenant: int, incident: Row, alerts: int
) -> list[schema.EscalationItem]:
    """All that this incident goes, or went, through; `alerts`: how many of its alerts fire."""
    rows = escalations.of(tx, [(tenant, incident["id"])])
    if not rows:
        return []
    policy = in_force.policy(tx, tenant)
    ran = escalations.steps(tx, tenant, incident["id"])
    sent = search_deliveries.of_notifications(
        tx, tenant, [row["notification_id"] for row in ran if row["notification_id"]]
    )
    states = {(one["notification_id"], one["integration"]): one for one in sent}
    turns = escalations.turns(tx, [(tenant, row["name"]) for row in rows])
    items = []
    for row in rows:
        chain = escalation.thawed(row["chain"])
        mine = [each for each in ran if each["name"] == row["name"]]
        done = [_done(each, chain, policy, states) for each in mine]
        ahead: list[schema.StepItem] = []
        ends = None
        if row["state"] == "running" and policy is not None:
            stand_in = overrides(tx, tenant, tx.now)
            world = escalation.World(policy, stand_in, turns[tenant, row["name"]])
            matter = escalation.Matter(incident["severity"], max(1, alerts))
            place = escalation.Place(row["round"], row["step"])
            found = foreseen(chain, place, matter, world, max(row["due_at"], tx.now))
            ahead, ends = (
                [each.model_copy(update={"run": row["run"]}) for each in found[0]],
                found[1],
            )
        items.append(_item(row, chain, [*done, *ahead], ends))
    return items


def overrides(tx: Transaction, tenant: int, at: datetime) -> Sequence[oncall.Override]:
    """Who stands in from this moment on."""
    return stand_ins.of(tx, [tenant], at, at + escalation.HORIZON)[tenant]


def foreseen(
    chain: Escalation, start: escalation.Place, matter: escalation.Matter, world: escalation.World,
    due_at: datetime,
) -> tuple[list[schema.StepItem], datetime | None]:  # fmt: skip
    """What will happen if nobody acts, and when it is over (None: later than what is shown)."""
    items: list[schema.StepItem] = []
    for at, made in escalation.foresee(chain, start, matter, world, due_at):
        items += [_planned(done, at, chain, world.policy) for done in made.done]
        if made.due_at is None:
            return items[:AHEAD], at if len(items) <= AHEAD else None
        if len(items) > AHEAD:
            break
    return items[:AHEAD], None


def _planned(
    done: escalation.Done, at: datetime, chain: Escalation, policy: Policy
) -> schema.StepItem:  # fmt: skip
    who = [
        schema.WhoItem(
            kind=told.kind, name=told.name, shown=shown(policy, told.name), via=_way(told.via),
            by=told.by_name, zone=_zone(policy, told.kind, told.name),
            ways=[schema.WayItem(integration=page.integration.key, channel=page.integration.channel,
                                 due_at=page.due_at, held_until=page.held_until)
                  for page in told.pages],
        )
        for told in done.told
    ]  # fmt: skip
    missed = [chains.missed(each.why, each.person or each.by_name) for each in done.untold]
    state: Literal["planned", "skipped"] = "planned" if who else "skipped"
    return schema.StepItem(
        round=done.place.round, number=done.number, state=state, at=at, due_at=at,
        urgency=done.urgency, who=who, missed=missed,
        sentence=_sentence(state, done.number, done.place.round, chain, who),
    )  # fmt: skip


def _done(
    row: Row, chain: Escalation, policy: Policy | None, states: dict[tuple[uuid.UUID, str], Row]
) -> schema.StepItem:
    detail = orjson.loads(row["detail"])
    who = [
        schema.WhoItem(
            kind=told["kind"], name=told["name"], shown=shown(policy, told["name"]),
            via=told["via"], by=told["by"], zone=_zone(policy, told["kind"], told["name"]),
            ways=[_way_of(way, states.get((row["notification_id"], way["key"])))
                  for way in told["ways"]],
        )
        for told in detail["told"]
    ]  # fmt: skip
    number = escalation.number(chain, row["step"])
    missed = [chains.missed(each["why"], each["person"] or each["by"]) for each in detail["untold"]]
    return schema.StepItem(
        run=row["run"], round=row["round"], number=number, state=row["outcome"], at=row["done_at"],
        due_at=row["due_at"], urgency=row["urgency"], who=who, missed=missed,
        sentence=_sentence(row["outcome"], number, row["round"], chain, who),
    )  # fmt: skip


def _way_of(way: Row, delivery: Row | None) -> schema.WayItem:
    channel = delivery["channel"] if delivery else way["key"].split("/")[1]
    return schema.WayItem(
        integration=way["key"], channel=channel, due_at=way["due_at"],
        held_until=way["held_until"], state=delivery["state"] if delivery else None,
    )  # fmt: skip


def _way(via: str) -> schema.Way:
    ways: dict[str, schema.Way] = {
        "person": "person", "team": "team", "schedule": "schedule", "receiver": "receiver",
    }  # fmt: skip
    return ways[via]


def _sentence(
    state: str, number: int, round: int, chain: Escalation, who: Iterable[schema.WhoItem]
) -> str:
    place = {"step": number, "steps": escalation.total(chain), "round": round,
             "rounds": chain.repeat + 1}  # fmt: skip
    return chains.step(state, place, [chains.led(each.via, each.by, each.shown) for each in who])


def shown(policy: Policy | None, name: str) -> str:
    """How people call somebody."""
    person = policy.person(name) if policy else None
    return (person.shown if person else None) or name


def _zone(policy: Policy | None, kind: str, name: str) -> str | None:
    person = policy.person(name) if policy and kind == "person" else None
    return person.zone if person else None


def _item(
    row: Row, chain: Escalation, steps: list[schema.StepItem], ends: datetime | None
) -> schema.EscalationItem:
    running = row["state"] == "running"
    return schema.EscalationItem(
        name=row["name"], state=row["state"], run=row["run"],
        round=min(row["round"], chain.repeat + 1), rounds=chain.repeat + 1,
        number=escalation.total(chain), began_at=row["began_at"],
        next_at=row["due_at"] if running else None, exhausted_at=ends, ended_at=row["ended_at"],
        cause=row["cause"], steps=steps,
        sentence=chains.state(row["state"], row["name"], row["cause"]),
    )  # fmt: skip
