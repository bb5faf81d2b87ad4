"""What a group has to say when its flush is due: whom to tell, why, and what becomes of each event.

The one decision behind the live flush, dry runs and back-tests. Nothing here reads a clock, a
database or randomness.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from schemas.alert import Severity, Status
from schemas.message import Reason
from tocsin.domain import explanation, grouping, incidents, notifying, severity, suppression
from tocsin.domain.policy import Integration, Receiver
from tocsin.domain.routing import Route

#: Reasons that bring news of something that fires; they need an open incident.
PAGING = frozenset({"first", "new_alerts", "repeat", "reopened"})
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Member:
    """An alert in its group; `event` is the change that this group has not explained for good."""

    fingerprint: str
    status: Status
    severity: Severity
    labels: Mapping[str, str]
    event: int | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """The newest incident of a group. `resolved_by` is None where its alerts ended it."""

    id: uuid.UUID
    title: str
    severity: Severity
    state: incidents.State
    generation: int
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """An entry of the notification log and the incident it was about."""

    told: notifying.Told
    incident: uuid.UUID


@dataclass(frozen=True, slots=True)
class Group:
    """A group whose flush is due, as the record has it. `due_at` is what its timer said."""

    id: uuid.UUID
    route: Route
    receiver: Receiver
    members: tuple[Member, ...]
    anchor: datetime | None
    due_at: datetime
    incident: Incident | None
    log: Mapping[str, Log]


@dataclass(slots=True)
class Plan:
    """What is to be written. `reasons` and `log` go by the key of the integration.

    `told` are the events that a notification carries; `outcomes` those explained without one:
    (event, outcome, cause). `due_at` None: the group waits for something to happen.
    """

    incident: Incident | None
    act: Literal["opened", "reopened", "resolved"] | None = None
    reasons: dict[str, Reason] = field(default_factory=dict)
    log: dict[str, notifying.Told] = field(default_factory=dict)
    #: Integrations that are only shown what people did; they are told no news.
    shown: set[str] = field(default_factory=set)
    firing: tuple[Member, ...] = ()
    resolved: tuple[Member, ...] = ()
    muted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: list[int] = field(default_factory=list)
    outcomes: list[tuple[int, explanation.Outcome, str]] = field(default_factory=list)
    anchor: datetime | None = None
    due_at: datetime | None = None


def plan(
    group: Group,
    silences: suppression.Index,
    now: datetime,
    *,
    reopen_window: timedelta,
    fresh: Incident,
    updates_in_place: frozenset[str],
) -> Plan:
    """Decide. `fresh` is the incident to open if one is needed; `updates_in_place` the channels."""
    muted = _muted(group.members, silences, now)
    firing = tuple(m for m in group.members if m.status == "firing" and m.fingerprint not in muted)
    over = tuple(m for m in group.members if m.status == "resolved")
    made = Plan(group.incident, firing=firing, resolved=over, muted=muted)
    made.anchor = group.anchor or group.due_at
    _tell(group, made, now)
    _settle_incident(group, made, now, reopen_window, fresh)
    _show_state(group, made, updates_in_place)
    _write_log(group, made, now)
    _explain(group, made)
    made.due_at = min(
        (at for at in (_next_repeat(group, made), _unmuted(made, silences)) if at), default=None
    )
    return made


def _muted(
    members: Iterable[Member], silences: suppression.Index, now: datetime
) -> dict[str, tuple[str, ...]]:
    found = {
        m.fingerprint: suppression.silenced_by(silences, m.labels, now)
        for m in members
        if m.status == "firing"
    }
    return {mark: by for mark, by in found.items() if by}


def _marks(members: Iterable[Member]) -> frozenset[str]:
    return frozenset(member.fingerprint for member in members)


def _tell(group: Group, made: Plan, now: datetime) -> None:
    firing, resolved = _marks(made.firing), _marks(made.resolved)
    for integration in group.receiver.integrations:
        log = group.log.get(integration.key)
        # A muted alert still fires: the end of the others is not the end of the group.
        if not firing and made.muted and not (log and log.told.firing <= resolved):
            continue
        reason = notifying.decide(
            log.told if log else None,
            firing,
            resolved,
            send_resolved=integration.send_resolved,
            repeat_interval=group.route.repeat_interval,
            now=now,
            acknowledged=bool(group.incident and group.incident.state == "acknowledged"),
        )
        if reason:
            made.reasons[integration.key] = reason


def _settle_incident(
    group: Group, made: Plan, now: datetime, window: timedelta, fresh: Incident
) -> None:
    """Open, reopen or resolve, and let the reasons say so."""
    was = group.incident
    is_open = was is not None and was.state != "resolved"
    if PAGING.intersection(made.reasons.values()) and not is_open:
        back = was is not None and incidents.reopens(
            was.resolved_at or now, was.resolved_by, now, window
        )
        made.act = "reopened" if back else "opened"
        made.incident = _reopened(was) if was is not None and back else fresh
        news: Reason = "reopened" if back else "first"
        made.reasons = {key: news if r in PAGING else r for key, r in made.reasons.items()}
    elif was is not None and is_open and not made.firing and not made.muted:
        made.act = "resolved"
        made.incident = replace(
            was, state="resolved", resolved_at=now, generation=was.generation + 1
        )
    if made.incident is not None and made.firing:
        worst = severity.worst((made.incident.severity, *(m.severity for m in made.firing)))
        title = fresh.title if made.reasons else made.incident.title
        made.incident = replace(made.incident, severity=worst, title=title)


def _reopened(was: Incident) -> Incident:
    return replace(
        was, state="open", generation=was.generation + 1, resolved_at=None, resolved_by=None,
        acknowledged_at=None, acknowledged_by=None,
    )  # fmt: skip


def _show_state(group: Group, made: Plan, updates_in_place: frozenset[str]) -> None:
    """Channels that can change what they said show what people did."""
    incident = made.incident
    if incident is None or made.act is not None:
        return
    acted = incident.acknowledged_at if incident.state == "acknowledged" else incident.resolved_at
    shown: Reason = "acknowledged" if incident.state == "acknowledged" else "resolved"
    for integration in group.receiver.integrations:
        log = group.log.get(integration.key)
        if (
            acted is not None
            and integration.channel in updates_in_place
            and integration.key not in made.reasons
            and log is not None
            and log.incident == incident.id
            and log.told.at < acted
        ):
            made.reasons[integration.key] = shown
            made.shown.add(integration.key)


def _write_log(group: Group, made: Plan, now: datetime) -> None:
    firing, resolved = _marks(made.firing), _marks(made.resolved)
    for integration in group.receiver.integrations:
        log = group.log.get(integration.key)
        if integration.key in made.shown and log is not None:
            made.log[integration.key] = replace(log.told, at=now)
        elif integration.key in made.reasons:
            made.log[integration.key] = notifying.Told(firing, resolved, now)
        elif not made.muted and (
            silent := notifying.forget(
                log.told if log else None, firing, send_resolved=integration.send_resolved, now=now
            )
        ):
            made.log[integration.key] = silent


def _explain(group: Group, made: Plan) -> None:
    news = any(reason != "acknowledged" for reason in made.reasons.values())
    for member in group.members:
        if member.event is None:
            continue
        if by := made.muted.get(member.fingerprint):
            made.outcomes.append((member.event, "silenced", " ".join(by)))
        elif news:
            made.told.append(member.event)
        elif group.receiver.integrations:
            made.outcomes.append((member.event, "grouped", str(group.id)))
        else:
            made.outcomes.append((member.event, "no_route", group.receiver.name))


def _unmuted(made: Plan, silences: suppression.Index) -> datetime | None:
    """When the first of the silences that hold something back ends: then the group asks again."""
    by = {id for some in made.muted.values() for id in some}
    filed = (silences.others, *silences.by_label.values())
    return min((s.ends_at for some in filed for s in some if s.id in by), default=None)


def _next_repeat(group: Group, made: Plan) -> datetime | None:
    """The tick at which the first repeat is due; news set the timer by themselves."""
    acknowledged = made.incident is not None and made.incident.state == "acknowledged"
    if not made.firing or acknowledged or made.anchor is None:
        return None
    at = [
        notifying.next_repeat(told, group.route.repeat_interval)
        for told in (_told(group, made, each) for each in group.receiver.integrations)
        if told is not None
    ]
    if not at:
        return None
    if group.route.group_interval <= timedelta(0):
        return min(at)
    return grouping.next_tick(made.anchor, group.route.group_interval, min(at) - _TICK)


def _told(group: Group, made: Plan, integration: Integration) -> notifying.Told | None:
    if integration.key in made.log:
        return made.log[integration.key]
    return group.log[integration.key].told if integration.key in group.log else None
