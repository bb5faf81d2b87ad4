"""Whether a group has something to tell an integration: Alertmanager's notification log."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.message import Reason

#: Reasons that bring news of something that fires; they need an open incident.
PAGING: frozenset[Reason] = frozenset(
    {"first", "new_alerts", "repeat", "reopened", "escalated", "handed_over"}
)


@dataclass(frozen=True, slots=True)
class Told:
    """What an integration last heard of a group: fingerprints of firing and resolved, and when.

    `held` are those that it heard fire and that were held back when it last heard anything: they
    are news when they fire again, but their end is owed.
    """

    firing: frozenset[str]
    resolved: frozenset[str]
    at: datetime
    held: frozenset[str] = frozenset()

    @property
    def open(self) -> frozenset[str]:
        """What it believes to fire."""
        return self.firing | self.held


def decide(
    told: Told | None,
    firing: AbstractSet[str],
    resolved: AbstractSet[str],
    *,
    send_resolved: bool,
    repeat_interval: timedelta,
    now: datetime,
    acknowledged: bool = False,
    reopened: bool = False,
) -> Reason | None:
    """Why the integration is to be told of the group now; None if it is not.

    `firing` and `resolved` are the fingerprints that nothing mutes. `reopened`: the incident was
    opened again since the last telling. `acknowledged`: somebody has it, so no repeats (news are
    told all the same). Where the answer is None, `forget` says what to write down.
    """
    if not firing:
        owed = told is not None and bool(told.firing or told.held & resolved)
        return "resolved" if owed and send_resolved else None
    if reopened:
        return "reopened"
    if told is None:
        return "first"
    if not firing <= told.firing:
        return "new_alerts"
    if send_resolved and told.open and not resolved <= told.resolved:
        return "resolved"
    return "repeat" if not acknowledged and next_repeat(told, repeat_interval) <= now else None


def forget(
    told: Told | None, firing: AbstractSet[str], *, send_resolved: bool, now: datetime
) -> Told | None:
    """What to write down of a group that fell silent without a word; None: leave the log alone.

    An integration that does not want to hear of the end must still be told when the same alerts
    fire again, so they must not stay noted as told.
    """
    if firing or send_resolved or told is None or not told.open:
        return None
    return Told(frozenset(), frozenset(), now)


def next_repeat(told: Told, repeat_interval: timedelta) -> datetime:
    """When a group in which nothing changes is due to be told of again."""
    return told.at + repeat_interval
