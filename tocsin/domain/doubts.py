"""What a valid policy may still get wrong: people on call whom nothing reaches, steps with holes.

None of it is an error: a policy must be able to come into force while somebody has no phone yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from tocsin.domain import escalation, oncall, people
from tocsin.domain.policy import Policy

#: So far ahead schedules are looked at.
AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Doubt:
    """One of them. `name` is a person, or the escalation whose `step` asks the `schedule`.

    "unreachable": no account of the policy leads to an address of theirs; "unverified": nothing
    ever showed that one of their ways leads to them; "hole": from `starts_at` to `ends_at`, and
    `more` times after that, the schedule has nobody.
    """

    kind: Literal["unreachable", "unverified", "hole"]
    name: str
    step: int = 0
    schedule: str = ""
    zone: str = "UTC"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    more: int = 0


def of(
    policy: Policy, now: datetime, overrides: Sequence[oncall.Override] = (),
    known: Sequence[Mapping[str, Any]] | None = None,
) -> Iterator[Doubt]:  # fmt: skip
    """All doubts about a policy, people first.

    `overrides`: stand-ins from `now` on. `known`: what the record knows of addresses, as `contact`
    has it; None where there is no record to ask, and then nobody is called unverified.
    """
    yield from _people(policy, known, _on_call(policy, now, overrides))
    for name, chain in policy.escalations.items():
        for at, step in enumerate(chain.steps):
            for target in step.notify:
                if target.schedule is not None and target.schedule in policy.schedules:
                    schedule = policy.schedules[target.schedule]
                    number = escalation.number(chain, at)
                    yield from _holes(policy, name, number, schedule, now, overrides)


def _people(
    policy: Policy, known: Sequence[Mapping[str, Any]] | None, names: Set[str]
) -> Iterator[Doubt]:
    for person in policy.people:
        if person.name not in names:
            continue
        ways = people.ways(person, policy.contacts)
        mine = [row for row in known or () if row["person"] == person.name]
        if not ways:
            yield Doubt("unreachable", person.name)
        elif known is not None and not any(_proven(person, way, mine) for way in ways):
            yield Doubt("unverified", person.name)


def _proven(person: Any, way: Any, mine: Sequence[Mapping[str, Any]]) -> bool:
    address = people.address(person, way)
    digest = people.digest(address) if address is not None else ""
    return people.standing(mine, way, digest) != "unverified"


def _on_call(policy: Policy, now: datetime, overrides: Sequence[oncall.Override]) -> set[str]:
    """Whom schedules or steps of escalations name."""
    named: set[str] = set()
    for schedule in policy.schedules.values():
        for shift in oncall.shifts(schedule, now, now + AHEAD, overrides):
            named.update(shift.people)
    for chain in policy.escalations.values():
        for target in (each for step in chain.steps for each in step.notify):
            if target.team is not None and target.team in policy.teams:
                named.update(policy.teams[target.team].people)
            elif target.person is not None:
                named.add(target.person)
    return named


def _holes(
    policy: Policy, name: str, number: int, schedule: oncall.Schedule, now: datetime,
    overrides: Sequence[oncall.Override],
) -> Iterator[Doubt]:  # fmt: skip
    known = {person.name for person in policy.people}
    found = oncall.coverage(
        schedule, now, now + AHEAD, overrides, people=known, reachable=known
    )  # fmt: skip
    gaps = [(each.starts_at, each.ends_at) for each in found.gaps]
    holes = sorted([*gaps, *((each.starts_at, each.ends_at) for each in found.empty)])
    if holes:
        since, until = holes[0]
        yield Doubt(
            "hole", name, number, schedule.name, schedule.zone, since, until, len(holes) - 1
        )
