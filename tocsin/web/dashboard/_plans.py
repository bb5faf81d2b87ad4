"""Escalations of incidents as stories: what was done, what runs now, what is to come and when."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal, NamedTuple

import orjson

from tocsin import i18n
from tocsin.domain import escalation
from tocsin.domain.policy import Policy
from tocsin.storage import escalations, overrides
from tocsin.storage.record import Transaction
from tocsin.web.dashboard import _faces

Row = dict[str, Any]

#: Moments that are looked at ahead, and how far overrides are read for them.
_MOMENTS, _AHEAD = 40, timedelta(days=62)


class Next(NamedTuple):
    """Who is told next if nobody acts, and when."""

    faces: tuple[_faces.Face, ...]
    at: datetime


class Stage(NamedTuple):
    """One step. `missed`: why some, or all, of its targets are told nothing, in words."""

    state: Literal["done", "skipped", "now", "next"]
    at: datetime
    number: int
    round: int
    urgency: str
    faces: tuple[_faces.Face, ...]
    missed: tuple[str, ...]


class Chain(NamedTuple):
    """One escalation of an incident. `waits_until`: when the next step comes, if it runs."""

    name: str
    state: str
    cause: str
    steps: int
    rounds: int
    stages: tuple[Stage, ...]
    waits_until: datetime | None
    ended_at: datetime | None


def upcoming(
    tx: Transaction, tenant: int, policy: Policy | None, incidents: Sequence[Row],
    firing: Mapping[uuid.UUID, int],
) -> dict[uuid.UUID, Next]:  # fmt: skip
    """Of these incidents, where an escalation runs and will tell somebody."""
    about = {row["id"]: row for row in incidents}
    rows = [row for row in escalations.of(tx, [(tenant, id) for id in about])
            if row["state"] == "running" and row["due_at"]]  # fmt: skip
    worlds = _worlds(tx, tenant, policy, rows)
    found: dict[uuid.UUID, Next] = {}
    for row in rows:
        id = row["incident_id"]
        coming = _first(row, about[id], worlds, firing.get(id, 0), policy)
        if coming and (id not in found or coming.at < found[id].at):
            found[id] = coming
    return found


def chains(
    tx: Transaction, tenant: int, policy: Policy | None, incident: Row, firing: int
) -> list[Chain]:
    """Every escalation that the incident goes, or went, through."""
    rows = escalations.of(tx, [(tenant, incident["id"])])
    ran = escalations.steps(tx, tenant, incident["id"]) if rows else []
    worlds = _worlds(tx, tenant, policy, rows)
    return [
        _chain(row, [one for one in ran if one["name"] == row["name"]], incident, worlds, firing,
               policy)
        for row in rows
    ]  # fmt: skip


def _chain(
    row: Row, ran: Sequence[Row], incident: Row, worlds: Mapping[str, escalation.World],
    firing: int, policy: Policy | None,
) -> Chain:  # fmt: skip
    chain = escalation.thawed(row["chain"])
    past = [_past(one, chain, policy) for one in ran]
    running = row["state"] == "running" and row["due_at"] is not None
    if running:
        last = max((n for n, one in enumerate(past) if one.state == "done"), default=None)
        if last is not None and ran[last]["run"] == row["run"]:
            past[last] = past[last]._replace(state="now")
    ahead = list(_ahead(row, incident, worlds, firing, policy)) if running else []
    return Chain(
        row["name"], row["state"], row["cause"] or "", escalation.total(chain), chain.repeat + 1,
        (*past, *ahead), row["due_at"] if running else None, row["ended_at"],
    )  # fmt: skip


def _past(ran: Row, chain: Any, policy: Policy | None) -> Stage:
    detail = orjson.loads(ran["detail"])
    faces = tuple(_faces.of(policy, each["name"]) for each in detail.get("told", ()))
    missed = tuple(
        _missed(policy, each["why"], each["via"], each.get("person") or each["by"])
        for each in detail.get("untold", ())
    )
    return Stage(
        "done" if ran["outcome"] == "told" else "skipped", ran["done_at"],
        escalation.number(chain, ran["step"]), ran["round"], ran["urgency"], faces,
        tuple(dict.fromkeys(missed)),
    )  # fmt: skip


def _ahead(
    row: Row, incident: Row, worlds: Mapping[str, escalation.World], firing: int,
    policy: Policy | None,
) -> Iterator[Stage]:  # fmt: skip
    for at, walk in _foreseen(row, incident, worlds, firing):
        for done in walk.done:
            missed = (_missed(policy, each.why, each.via, each.person or each.by_name)
                      for each in done.untold)  # fmt: skip
            yield Stage(
                "next" if done.told else "skipped", at, done.number, done.place.round,
                done.urgency, tuple(_faces.of(policy, each.name) for each in done.told),
                tuple(dict.fromkeys(missed)),
            )  # fmt: skip


def _first(
    row: Row, incident: Row, worlds: Mapping[str, escalation.World], firing: int,
    policy: Policy | None,
) -> Next | None:  # fmt: skip
    for stage in _ahead(row, incident, worlds, firing, policy):
        if stage.state == "next":
            return Next(stage.faces, stage.at)
    return None


def _foreseen(
    row: Row, incident: Row, worlds: Mapping[str, escalation.World], firing: int
) -> Iterator[tuple[datetime, escalation.Walk]]:
    world = worlds.get(row["name"])
    if world is None:
        return iter(())
    ahead = escalation.foresee(
        escalation.thawed(row["chain"]), escalation.Place(row["round"], row["step"]),
        escalation.Matter(incident["severity"], firing), world, row["due_at"],
    )  # fmt: skip
    return islice(ahead, _MOMENTS)


def _worlds(
    tx: Transaction, tenant: int, policy: Policy | None, rows: Sequence[Row]
) -> dict[str, escalation.World]:
    if policy is None or not rows:
        return {}
    known = overrides.of(tx, [tenant], tx.now, tx.now + _AHEAD)[tenant]
    turns = escalations.turns(tx, [(tenant, row["name"]) for row in rows])
    return {name: escalation.World(policy, known, turn) for (_, name), turn in turns.items()}


def _missed(policy: Policy | None, why: str, via: str, name: str) -> str:
    shown = _faces.of(policy, name).shown
    return i18n.say(f"rooms.missed.{why}", target=i18n.say(f"rooms.target.{via}", name=shown))
