"""When a page is given another way beside its own, and which: pure.

A way that cannot deliver within a part of its step is not waited for. It goes on trying, and the
next one is taken beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

from schemas.people import Person, Urgency
from tocsin.domain import people
from tocsin.domain.policy import Integration, Policy

#: How long a page has that belongs to no step, or whose step is over when it begins.
PATIENCE = timedelta(minutes=5)
#: The part of it after which another way is taken.
PART = 4

#: Nothing goes there; it came to nothing for good; it takes too long.
Why = Literal["circuit", "dead", "late"]


def deadline(began: datetime, until: datetime | None) -> datetime:
    """When a page that was to begin then and has not arrived is given another way."""
    return began + (step_end(began, until) - began) / PART


def step_end(began: datetime, until: datetime | None) -> datetime:
    """When the step of a page is over that was to begin then."""
    return until if until is not None and until > began else began + PATIENCE


def next_way(
    person: Person,
    urgency: Urgency,
    contacts: Mapping[str, Integration],
    used: Collection[str],
    doubt: Callable[[Integration], int],
) -> Integration | None:
    """The next way to tell a person by; None: all were taken.

    First what their rules for this urgency say, then their other ways; `used` are keys of ways.
    `doubt` says how little is to be expected of one: what is doubtful comes after all the rest.
    """
    taken = {_plain(key) for key in used}
    listed = people.rule_ways(person, urgency, contacts) + people.ways(person, contacts)
    left = [one for one in listed if _plain(one.key) not in taken]
    return min(left, key=doubt, default=None)


def stand_ins(policy: Policy, key: str, used: Collection[str]) -> list[Integration]:
    """What is told in place of a receiver's integration: all of its `fallback`, or of that one's.

    Empty: there is none, or all were told already.
    """
    receiver = policy.receivers.get(receiver_of(key))
    seen: set[str] = set()
    while receiver is not None and receiver.fallback and receiver.name not in seen:
        seen.add(receiver.name)
        receiver = policy.receivers.get(receiver.fallback)
        left = [one for one in receiver.integrations if one.key not in used] if receiver else []
        if left:
            return left
    return []


def receiver_of(key: str) -> str:
    """The receiver whose integration this is."""
    return key.rsplit("/", 2)[0]


def _plain(key: str) -> str:
    """The way itself: a second use of it within a step has a number behind it."""
    way, _, times = key.rpartition("/")
    return way if key.startswith("@") and times.isdecimal() else key
