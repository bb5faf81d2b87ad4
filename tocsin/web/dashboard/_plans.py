"""Escalations of incidents as stories: what was done, what is awaited, what comes and when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

from schemas import escalated as schema
from tocsin.domain import escalation
from tocsin.domain.policy import Policy
from tocsin.storage import escalations
from tocsin.storage.record import Transaction
from tocsin.web import chains
from tocsin.web.dashboard import _faces

Row = dict[str, Any]

#: So many moments are looked at for the one at which somebody is told.
_MOMENTS = 40


class Next(NamedTuple):
    """Who is told next if nobody acts, and when."""

    faces: tuple[_faces.Face, ...]
    at: datetime


class Stage(NamedTuple):
    """One step. "now": it told somebody, who has not acted yet."""

    state: Literal["told", "skipped", "now", "planned"]
    step: schema.StepItem
    faces: tuple[_faces.Face, ...]


class Chain(NamedTuple):
    """One escalation of an incident."""

    item: schema.EscalationItem
    stages: tuple[Stage, ...]


def told(policy: Policy | None, items: Sequence[schema.EscalationItem]) -> list[Chain]:
    """The escalations of an incident as the API answers them."""
    return [Chain(item, tuple(_stages(policy, item))) for item in items]


def upcoming(
    tx: Transaction, tenant: int, policy: Policy | None, incidents: Sequence[Row],
    firing: Mapping[uuid.UUID, int],
) -> dict[uuid.UUID, Next]:  # fmt: skip
    """Of these incidents, where an escalation runs and will tell somebody."""
    about = {row["id"]: row for row in incidents}
    rows = [row for row in escalations.of(tx, [(tenant, id) for id in about])
            if row["state"] == "running" and row["due_at"]]  # fmt: skip
    if policy is None or not rows:
        return {}
    known = chains.overrides(tx, tenant, tx.now)
    turns = escalations.turns(tx, [(tenant, row["name"]) for row in rows])
    found: dict[uuid.UUID, Next] = {}
    for row in rows:
        id = row["incident_id"]
        matter = escalation.Matter(about[id]["severity"], max(1, firing.get(id, 0)))
        world = escalation.World(policy, known, turns[tenant, row["name"]])
        coming = _first(row, matter, world, max(row["due_at"], tx.now))
        if coming and (id not in found or coming.at < found[id].at):
            found[id] = coming
    return found


def _stages(policy: Policy | None, item: schema.EscalationItem) -> list[Stage]:
    found = [
        Stage(each.state, each, tuple(_faces.of(policy, who.name) for who in each.who))
        for each in item.steps
    ]
    heard = [n for n, stage in enumerate(found)
             if stage.state == "told" and stage.step.run == item.run]  # fmt: skip
    if item.state == "running" and heard:
        found[heard[-1]] = found[heard[-1]]._replace(state="now")
    return found


def _first(
    row: Row, matter: escalation.Matter, world: escalation.World, due_at: datetime
) -> Next | None:
    ahead = escalation.foresee(
        escalation.thawed(row["chain"]), escalation.Place(row["round"], row["step"]), matter,
        world, due_at,
    )  # fmt: skip
    for at, walk in islice(ahead, _MOMENTS):
        for done in walk.done:
            if done.told:
                return Next(tuple(_faces.of(world.policy, one.name) for one in done.told), at)
    return None
