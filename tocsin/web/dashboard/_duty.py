"""Who is on call at this moment, schedule by schedule, for the page that comes first."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tocsin.domain import oncall
from tocsin.storage import overrides
from tocsin.storage.record import Transaction
from tocsin.web import in_force
from tocsin.web.dashboard import _faces


class Duty(NamedTuple):
    """A schedule and its people; none: nobody. `until` None: no change is planned."""

    schedule: str
    faces: tuple[_faces.Face, ...]
    until: datetime | None


def now(tx: Transaction, tenant: int) -> list[Duty]:
    """All schedules of the policy, in its order."""
    policy = in_force.policy(tx, tenant)
    if policy is None or not policy.schedules:
        return []
    known = overrides.of(tx, [tenant], tx.now, tx.now)[tenant]
    found = []
    for name, schedule in policy.schedules.items():
        people = oncall.who(schedule, tx.now, known)
        after = oncall.following(schedule, tx.now, known)
        faces = tuple(_faces.of(policy, each) for each in people)
        found.append(Duty(name, faces, after.starts_at if after else None))
    return found
