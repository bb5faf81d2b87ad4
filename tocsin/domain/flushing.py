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

from schemas.alert import SEVERITY_RANK, Severity, Status
from schemas.message import Reason
from tocsin.domain import (
    correlation,
    explanation,
    folding,
    grouping,
    incidents,
    inhibition,
    notifying,
    quieting,
    severity,
    sharing,
    suppression,
)
from tocsin.domain.policy import Integration, Receiver
from tocsin.domain.routing import Route

#: Reasons that bring news of something that fires; they need an open incident.
PAGING = notifying.PAGING
_TICK = timedelta(microseconds=1)
NOTHING_INHIBITED: Mapping[str, inhibition.Hold] = {}


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
    """An incident. `resolved_by` is None where its alerts ended it."""

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
    #: When somebody, or the end of a snooze, opened it again.
    reopened_at: datetime | None = None
    #: When it opens again if it is acknowledged and not resolved until then.
    reopens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """An entry of the notification log and the incident it was about.

    `carried`: the integration was not paged, because a page about another group of the incident
    stands for it.
    """

    told: notifying.Told
    incident: uuid.UUID
    carried: bool = False
    #: How bad its incident was when it was last paged.
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The open incident that the group joins if it needs one, and who heard of that already."""

    incident: Incident
    join: correlation.Join
    heard: Mapping[str, sharing.Heard] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """A group whose flush is due, as the record has it. `due_at` is what its timer said.

    `alone`: its incident has no other group; `others_go_on`: one of them is not over. `heard` is
    what integrations heard of the incident by any group; `joined_at` when this one joined it.
    `shows` are the integrations in which this group's message stands for the incident (None: all).
    `stormed`: it was folded into a storm and is in its incident, or was until that was resolved.
    """

    id: uuid.UUID
    route: Route
    receiver: Receiver
    members: tuple[Member, ...]
    anchor: datetime | None
    due_at: datetime
    incident: Incident | None
    log: Mapping[str, Log]
    alone: bool = True
    others_go_on: bool = False
    joined_at: datetime | None = None
    heard: Mapping[str, sharing.Heard] = field(default_factory=dict)
    shows: frozenset[str] | None = None
    stormed: bool = False
    #: The storm that is under way.
    storm: folding.Storm | None = None


@dataclass(slots=True)
class Plan:
    """What is to be written. `reasons` and `log` go by the key of the integration.

    `told` are the events that a notification carries; `outcomes` those explained without one:
    (event, outcome, cause). `due_at` None: the group waits for something to happen. `leaving` are
    the members that are over for it, told of or not. `carried` are the integrations that are not
    paged since they were for another group; `part_over`: the group ended and its incident goes on.
    """

    incident: Incident | None
    act: Literal["opened", "reopened", "joined", "resolved"] | None = None
    join: correlation.Join | None = None
    part_over: bool = False
    heard: Mapping[str, sharing.Heard] = field(default_factory=dict)
    carried: set[str] = field(default_factory=set)
    #: The storm into which news for these integrations were folded; or they passed beside it.
    storm: str | None = None
    sheltered: set[str] = field(default_factory=set)
    passed: bool = False
    reasons: dict[str, Reason] = field(default_factory=dict)
    log: dict[str, notifying.Told] = field(default_factory=dict)
    #: Integrations that are only shown what people did; they are told no news.
    shown: set[str] = field(default_factory=set)
    firing: tuple[Member, ...] = ()
    resolved: tuple[Member, ...] = ()
    #: What holds back alerts that fire, by fingerprint; and ends that are told when it may speak.
    muted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    leaving: tuple[Member, ...] = ()
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
    target: Target | None = None,
    inhibited: Mapping[str, inhibition.Hold] = NOTHING_INHIBITED,
) -> Plan:
    """Decide. If the group needs an incident it joins `target`, else opens `fresh`.

    `updates_in_place` are the channels that can change what they said; `inhibited` says by
    fingerprint what makes members redundant.
    """
    quiet = quieting.Quiet(group.route.hours, silences, inhibited, now)
    made = Plan(group.incident, heard=group.heard)
    _hear(group, made, quiet)
    made.anchor = group.anchor or group.due_at
    _tell(group, made, now)
    group = folding.fold(group, made)
    if made.storm is None or _is_open(group.incident):
        _settle_incident(group, made, now, reopen_window, fresh, target)
    sharing.page_once(group, made, updates_in_place)
    _show_state(group, made, updates_in_place)
    _write_log(group, made, now)
    _explain(group, made, quiet)
    held = {**made.waiting, **made.muted}
    times = (_next_repeat(group, made), quiet.ends(held), sharing.confirm(made, now))
    made.due_at = min((at for at in times if at), default=None)
    return made


def _hear(group: Group, made: Plan, quiet: quieting.Quiet) -> None:
    """Who fires, who is over, and what of it is held back.

    An end is told although a silence matches, lest what was told stays open for ever; one of which
    nobody was told is not news then. While the whole route is quiet ends that are owed wait.
    """
    held = {m.fingerprint: quiet.holds(m.fingerprint, m.labels) for m in group.members}
    told = {mark for log in group.log.values() for mark in log.told.open}
    firing, resolved, leaving = [], [], []
    for member in group.members:
        mark, by = member.fingerprint, held[member.fingerprint]
        if member.status == "firing":
            if by:
                made.muted[mark] = by
            else:
                firing.append(member)
        elif quiet.closed and mark in told:
            made.waiting[mark] = quiet.closed
        else:
            leaving.append(member)
            if mark in told or not (by or member.muted):
                resolved.append(member)
    made.firing, made.resolved, made.leaving = tuple(firing), tuple(resolved), tuple(leaving)


def _marks(members: Iterable[Member]) -> frozenset[str]:
    return frozenset(member.fingerprint for member in members)


def _tell(group: Group, made: Plan, now: datetime) -> None:
    firing, resolved = _marks(made.firing), _marks(made.resolved)
    for integration in group.receiver.integrations if group.members else ():
        log = group.log.get(integration.key)
        heard = group.heard.get(integration.key, sharing.NOTHING)
        # As in Alertmanager: what is held back is not there, and nobody is told of nothing.
        if not firing and not resolved:
            continue
        reason = notifying.decide(
            log.told if log and not sharing.lost(group, log, heard) else None,
            firing,
            resolved,
            send_resolved=integration.send_resolved,
            repeat_interval=group.route.repeat_interval,
            now=now,
            acknowledged=bool(group.incident and group.incident.state == "acknowledged"),
            reopened=_opened_again(group.incident, log),
        )
        if reason in (None, "repeat") and log and _worse(made, log.severity or heard.severity):
            reason = "new_alerts"
        if reason == "repeat" and sharing.repeated(heard, group.route.repeat_interval, now):
            continue
        if reason == "reopened" and sharing.told_since(heard, group.incident):
            continue
        if reason:
            made.reasons[integration.key] = reason


def _opened_again(incident: Incident | None, log: Log | None) -> bool:
    """Whether it was opened again by hand since this integration heard of it."""
    if incident is None or incident.state != "open" or incident.reopened_at is None or log is None:
        return False
    return log.incident == incident.id and log.told.at < incident.reopened_at


def _worse(made: Plan, known: Severity | None) -> bool:
    """Whether something that fires has become worse than what the integration was paged for."""
    worst = severity.worst(m.severity for m in made.firing)
    return known is not None and SEVERITY_RANK[worst] > SEVERITY_RANK[known]


def _settle_incident(
    group: Group,
    made: Plan,
    now: datetime,
    window: timedelta,
    fresh: Incident,
    target: Target | None,
) -> None:
    """Open, reopen, join or resolve, and let the reasons say so."""
    was = group.incident
    if PAGING.intersection(made.reasons.values()) and not _is_open(was):
        back = was is not None and incidents.reopens(
            was.resolved_at or now, was.resolved_by, now, window
        )
        if was is not None and back:
            made.act, made.incident = "reopened", _reopened(was)
        elif target is not None:
            made.act, made.incident, made.join = "joined", target.incident, target.join
            made.heard = target.heard
        else:
            made.act, made.incident = "opened", fresh
        news: Reason = "reopened" if back else "first"
        made.reasons = {key: news if r in PAGING else r for key, r in made.reasons.items()}
    elif was is not None and _is_open(was) and not made.firing and not made.muted:
        if group.others_go_on:
            made.part_over = bool(group.members)
            return
        made.act = "resolved"
        made.incident = replace(
            was, state="resolved", resolved_at=now, generation=was.generation + 1
        )
    if made.incident is not None and made.firing:
        worst = severity.worst((made.incident.severity, *(m.severity for m in made.firing)))
        mine = made.act == "opened" or (group.alone and made.act != "joined")
        title = fresh.title if made.reasons and mine else made.incident.title
        made.incident = replace(made.incident, severity=worst, title=title)


def _is_open(incident: Incident | None) -> bool:
    return incident is not None and incident.state != "resolved"


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
    if incident.state == "acknowledged" and acted and group.joined_at:
        acted = max(acted, group.joined_at)
    shown: Reason = "acknowledged" if incident.state == "acknowledged" else "resolved"
    for integration in group.receiver.integrations:
        log = group.log.get(integration.key)
        if (
            acted is not None
            and integration.channel in updates_in_place
            and integration.key not in made.reasons
            and (group.shows is None or integration.key in group.shows)
            and log is not None
            and log.incident == incident.id
            and log.told.at < acted
        ):
            made.reasons[integration.key] = shown
            made.shown.add(integration.key)


def _write_log(group: Group, made: Plan, now: datetime) -> None:
    firing, resolved = _marks(made.firing), _marks(made.resolved)
    back = (*made.muted, *made.waiting)
    for integration in group.receiver.integrations:
        log = group.log.get(integration.key)
        if integration.key in made.shown and log is not None:
            made.log[integration.key] = replace(log.told, at=now)
        elif integration.key in {*made.reasons, *made.sheltered} or sharing.carries_news(
            made, integration.key, log, firing
        ):
            held = log.told.open.intersection(back) if log else frozenset()
            made.log[integration.key] = notifying.Told(firing, resolved, now, held)
        elif (made.resolved or not (made.muted or made.waiting)) and (
            silent := notifying.forget(
                log.told if log else None, firing, send_resolved=integration.send_resolved, now=now
            )
        ):
            made.log[integration.key] = silent


def _explain(group: Group, made: Plan, quiet: quieting.Quiet) -> None:
    news = any(reason != "acknowledged" for reason in made.reasons.values())
    for member in group.members:
        if member.event is None:
            continue
        mark = member.fingerprint
        if by := made.muted.get(mark) or made.waiting.get(mark):
            made.outcomes.append((member.event, *quiet.explain(by, inhibited=mark)))
        elif news and (member.status == "firing" or member in made.resolved):
            made.told.append(member.event)
        elif made.storm and member.status == "firing":
            made.outcomes.append((member.event, "folded", made.storm))
        elif group.receiver.integrations:
            by_incident = made.carried and made.incident is not None
            cause = made.incident.id if by_incident and made.incident else group.id
            made.outcomes.append((member.event, "grouped", str(cause)))
        else:
            made.outcomes.append((member.event, "no_route", group.receiver.name))


def _next_repeat(group: Group, made: Plan) -> datetime | None:
    """The tick at which the first repeat is due; news set the timer by themselves."""
    acknowledged = made.incident is not None and made.incident.state == "acknowledged"
    if not made.firing or acknowledged or folding.is_done(group, made) or made.anchor is None:
        return None
    at = [
        max(told.at, made.heard.get(each.key, sharing.NOTHING).at or told.at)
        + group.route.repeat_interval
        for each in group.receiver.integrations
        if (told := _told(group, made, each)) is not None
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
