"""Escalations: whom a step tells, when the next one comes, and what happens if nobody acts.

The one decision behind live escalations, their forecast and previews. Pure: who is on call, whose
turn it is and what the policy says are arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from schemas.alert import SEVERITY_RANK, Severity
from schemas.escalation import Escalation, Step, Target
from schemas.message import Reason
from schemas.parts import say_duration
from schemas.people import Urgency
from tocsin.domain import escalation_conditions, incidents, notifying, oncall, people
from tocsin.domain.policy import Integration, Policy, Receiver

#: The channel of the one integration that stands for an escalation in the notification log.
CHANNEL = "escalation"
#: How long the last step has to be answered where the chain says nothing of waiting.
PATIENCE = timedelta(minutes=5)
#: So far ahead of a moment stand-ins are asked for.
HORIZON = timedelta(days=31)

#: Why a target, or a whole step, told nobody.
Missed = Literal["condition", "nobody", "gone", "unreachable", "broken"]


def integration(receiver: Receiver) -> Integration | None:
    """What stands for the escalation of a receiver among its integrations."""
    if receiver.escalation is None:
        return None
    key = f"{receiver.name}/{CHANNEL}/0"
    return Integration(key=key, channel=CHANNEL, settings=receiver.escalation)


def with_chain(receiver: Receiver) -> Receiver:
    """The receiver as the flush thinks of it: its escalation is one more way to tell."""
    chain = integration(receiver)
    return replace(receiver, integrations=(*receiver.integrations, chain)) if chain else receiver


@dataclass(frozen=True, slots=True)
class Known:
    """The escalation of this name that the incident has: its state, and how bad it was."""

    state: str
    severity: Severity


def begins(
    reason: Reason, incident: incidents.State, severity: Severity, known: Known | None
) -> Literal["begin", "ride", "settle"]:
    """What news of a group mean for the escalation of its incident.

    "begin": from the top; "ride": the next step tells of them; "settle": nobody is told. Somebody
    has acknowledged it: then only what has become worse is told, and nothing follows.
    """
    if reason not in notifying.PAGING or incident == "resolved":
        return "ride" if known and known.state == "running" else "settle"
    if known is None:
        return "begin"
    worse = SEVERITY_RANK[severity] > SEVERITY_RANK[known.severity]
    if known.state == "running" or incident == "acknowledged":
        return "begin" if worse else "ride" if known.state == "running" else "settle"
    return "begin"


@dataclass(frozen=True, slots=True)
class Place:
    """The step that comes next: rounds count from 1, steps are indices into the chain."""

    round: int = 1
    step: int = 0


@dataclass(frozen=True, slots=True)
class Matter:
    """What the escalation is about, as conditions see it."""

    severity: Severity
    alerts: int


@dataclass(frozen=True, slots=True)
class World:
    """Everything else that decides. `turns`: how often each step of this chain went round."""

    policy: Policy
    overrides: Sequence[oncall.Override] = ()
    turns: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody whom a step tells: `via` and `by_name` are the target that led there."""

    kind: Literal["person", "receiver"]
    name: str
    via: str
    by_name: str
    pages: tuple[people.Page, ...]


@dataclass(frozen=True, slots=True)
class Untold:
    """A target, or somebody it leads to, who cannot be told."""

    via: str
    by_name: str
    why: Missed
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What one step comes to. `turn` is the next one's, in a step that goes round."""

    place: Place
    number: int
    urgency: Urgency
    told: tuple[Told, ...]
    untold: tuple[Untold, ...]
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """The steps that run now, and where it goes on; `due_at` None: it is exhausted."""

    done: tuple[Done, ...]
    following: Place
    due_at: datetime | None


def frozen(chain: Escalation) -> str:
    """The chain as it is kept while it runs, whatever becomes of the policy."""
    plain = chain.model_dump(mode="json", by_alias=True, exclude_none=True)
    for step, written in zip(chain.steps, plain["steps"], strict=True):
        if step.wait is not None:
            written["wait"] = say_duration(step.wait)
    return json.dumps(plain)


def thawed(text: str) -> Escalation:
    """The chain that was frozen."""
    return Escalation.model_validate_json(text)


def number(chain: Escalation, index: int) -> int:
    """The number, from 1, of the step at this index among those that tell somebody."""
    return sum(bool(step.notify) for step in chain.steps[: index + 1])


def total(chain: Escalation) -> int:
    """How many steps tell somebody."""
    return sum(bool(step.notify) for step in chain.steps)


def patience(chain: Escalation) -> timedelta:
    """How long the last step has to be answered: as long as the last wait of the chain."""
    waits = [step.wait for step in chain.steps if step.wait is not None]
    return waits[-1] if waits else PATIENCE


def walk(chain: Escalation, start: Place, matter: Matter, world: World, now: datetime) -> Walk:
    """Run the chain from a place until it has to wait, or is over.

    A step that tells nobody is passed by at once, and so is the wait behind it, for there is
    nobody to wait for.
    """
    done: list[Done] = []
    place = start
    while place.round <= chain.repeat + 1:
        heard = any(each.told for each in done)
        if place.step == len(chain.steps):
            whole = (place.round, 0) >= (start.round, start.step)
            place = Place(place.round + 1)
            if heard:
                return Walk(tuple(done), place, now + patience(chain))
            if whole:
                break  # another round at this same moment would find nobody either
            continue
        step, here = chain.steps[place.step], place
        place = replace(place, step=place.step + 1)
        if step.wait is None:
            done.append(_notify(chain, here, matter, world, now))
        elif (heard or not done) and _holds(step, matter, world, now):
            if place.step == len(chain.steps):
                place = Place(place.round + 1)
            return Walk(tuple(done), place, now + step.wait)
    return Walk(tuple(done), place, None)


def foresee(
    chain: Escalation, start: Place, matter: Matter, world: World, due_at: datetime
) -> Iterator[tuple[datetime, Walk]]:
    """What will happen if nobody acts and nothing changes: each moment with its steps."""
    at: datetime | None = due_at
    turns = dict(world.turns)
    while at is not None:
        made = walk(chain, start, matter, replace(world, turns=turns), at)
        yield at, made
        turns |= {each.place.step: each.turn for each in made.done if each.turn is not None}
        start, at = made.following, made.due_at


def next_told(
    chain: Escalation, made: Walk, matter: Matter, world: World
) -> tuple[Done, datetime] | None:
    """The step that will tell somebody next if nobody acts, and when; None: it was the last."""
    if made.due_at is None:
        return None
    turns = {**world.turns, **{d.place.step: d.turn for d in made.done if d.turn is not None}}
    ahead = foresee(chain, made.following, matter, replace(world, turns=turns), made.due_at)
    for at, later in ahead:
        for each in later.done:
            if each.told:
                return each, at
    return None


def urgency(step: Step, severity: Severity) -> Urgency:
    """Which rules of people hold: critical is important unless the step says otherwise."""
    return step.urgency or ("important" if severity == "critical" else "default")


def _holds(step: Step, matter: Matter, world: World, now: datetime) -> bool:
    return step.when is None or escalation_conditions.holds(
        step.when, matter.severity, matter.alerts, world.policy.holidays, now
    )


def _notify(
    chain: Escalation, place: Place, matter: Matter, world: World, now: datetime
) -> Done:  # fmt: skip
    step = chain.steps[place.step]
    made = Done(place, number(chain, place.step), urgency(step, matter.severity), (), ())
    if not _holds(step, matter, world, now):
        passed = tuple(Untold(each.kind, each.name, "condition") for each in step.notify)
        return replace(made, untold=passed)
    told: list[Told] = []
    untold: list[Untold] = []
    for target in step.notify:
        for each in _surely(target, made.urgency, world, now):
            if isinstance(each, Untold):
                untold.append(each)
            elif all((each.kind, each.name) != (one.kind, one.name) for one in told):
                told.append(each)
    if step.round_robin and told:
        turn = world.turns.get(place.step, 0) % len(told)
        return replace(made, told=(told[turn],), untold=tuple(untold), turn=turn + 1)
    return replace(made, told=tuple(told), untold=tuple(untold))


def _surely(
    target: Target, urgency: Urgency, world: World, now: datetime
) -> list[Told | Untold]:  # fmt: skip
    """The same whatever happens: one broken calendar must not keep the others from being told."""
    try:
        return list(_led(target, urgency, world, now))
    except Exception:
        return [Untold(target.kind, target.name, "broken")]


def _led(
    target: Target, urgency: Urgency, world: World, now: datetime
) -> Iterator[Told | Untold]:  # fmt: skip
    """To whom a target leads at this moment."""
    policy, via, name = world.policy, target.kind, target.name
    if via == "receiver":
        receiver = policy.receivers.get(name)
        ways = receiver.integrations if receiver else ()
        if not ways:
            yield Untold(via, name, "nobody" if receiver else "gone")
        else:
            pages = tuple(people.Page(way, now, None) for way in ways)
            yield Told("receiver", name, via, name, pages)
        return
    names = _people(target, world, now)
    if not names:
        yield Untold(via, name, "gone" if names is None else "nobody")
    for each in names or ():
        person = policy.person(each)
        if person is None:
            yield Untold(via, name, "gone", each)
        elif found := people.pages(person, urgency, policy.contacts, now):
            yield Told("person", each, via, name, tuple(found))
        else:
            yield Untold(via, name, "unreachable", each)


def _people(target: Target, world: World, now: datetime) -> Sequence[str] | None:
    """The people of a target by name; None: the policy does not know it any more."""
    policy = world.policy
    if target.schedule is not None:
        schedule = policy.schedules.get(target.schedule)
        return oncall.who(schedule, now, world.overrides) if schedule else None
    if target.team is not None:
        team = policy.teams.get(target.team)
        return team.people if team else None
    return [target.name] if policy.person(target.name) else None
