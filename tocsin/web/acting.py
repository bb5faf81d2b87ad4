"""What acts of people on incidents share, be they of the API, of a callback or of a link."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

from fastapi import Request

from tocsin import errors
from tocsin.config import problems
from tocsin.domain import people
from tocsin.domain.policy import Policy
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force

#: Who has work after an act: what is shown, what escalates, and who is given an incident.
RUNG = ("flush", "escalate", "hand_over")


def ring(request: Request) -> None:
    """Tell them; after the commit only."""
    for actor in RUNG:
        access.ring(request, actor, access.stage_queue(request, actor))


def ack_timeout(tx: Transaction, tenant: int) -> timedelta | None:
    """How long an acknowledgement holds, by the policy in force."""
    policy = in_force.policy(tx, tenant)
    return policy.ack_timeout if policy else None


def reachable(tx: Transaction, tenant: int, name: str) -> None:
    """Raises Invalid for a name that is not in the policy, Conflict where nothing reaches it."""
    policy = in_force.policy(tx, tenant)
    person = policy.person(name) if policy else None
    if policy is None or person is None:
        known = {each.name for each in policy.people} if policy else set()
        said = f"`{name[:80]}` is none of the people in the policy"
        raise errors.Invalid([("#/to", said + problems.suggest(name, known))])
    if not people.ways(person, policy.contacts):
        raise errors.Conflict(
            f"nothing can reach {name}: the policy has no account for an address of theirs. Add one"
            " to `accounts`, or hand it to somebody else"
        )


def clock(moment: datetime, now: datetime, policy: Policy | None, name: str) -> str:
    """The time of day where a person lives, with the date where that is not today."""
    person = policy.person(name) if policy else None
    zone = zoneinfo.ZoneInfo(person.zone) if person else UTC
    there = moment.astimezone(zone)
    today = there.date() == now.astimezone(zone).date()
    said = there.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
    return said if person and person.zone != "UTC" else f"{said} UTC"


def shown(moment: object) -> str:
    """A moment of the record's JSON for people anywhere."""
    if not isinstance(moment, str):
        return ""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
