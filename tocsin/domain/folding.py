"""What a storm does to the flush of one group: its news are folded, critical ones pass once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemas.message import Reason
from tocsin.domain import correlation, sharing
from tocsin.domain import severity as ranks

if TYPE_CHECKING:
    from tocsin.domain import flushing

#: The reason of a membership, and the name of the rule that stands for it.
STORM: correlation.Kind = "storm"
#: And that of the groups without alerts in whose lines the messages about a storm stand.
LINE = "line"
#: News that a storm stands for. What somebody asked for is none of these.
_NEWS: frozenset[Reason] = frozenset({"first", "new_alerts"})
_NEWS_OF_ITS_OWN: frozenset[Reason] = _NEWS | {"repeat"}


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm that is under way and obeyed, as one group meets it.

    `incident` is the one of the storm, or that which is to be opened for it (`exists`); `heard` is
    what was heard of that. `passed`: critical alerts of the group were told beside it already;
    `promoted`: somebody took the group out.
    """

    id: uuid.UUID
    incident: flushing.Incident
    exists: bool
    heard: Mapping[str, sharing.Heard] = field(default_factory=dict)
    passed: bool = False
    promoted: bool = False

    @property
    def join(self) -> correlation.Join:
        """Why a folded group belongs to the storm."""
        return correlation.Join(self.incident.id, STORM, STORM, 1.0, {"storm": str(self.id)})


def fold(group: flushing.Group, made: flushing.Plan) -> flushing.Group:
    """Take news out of the plan that a storm stands for; returns the group as the plan goes on.

    A group that passes leaves the incident of the storm: it gets one of its own.
    """
    if group.storm is not None:
        group = _fold(group, made, group.storm)
    if group.stormed:
        _hush(group, made)
    made.heard = made.heard if made.storm else group.heard
    return group


def _fold(group: flushing.Group, made: flushing.Plan, storm: Storm) -> flushing.Group:
    mine = _in(group, storm)
    is_open = group.incident is not None and group.incident.state != "resolved"
    kinds = _NEWS if is_open and not mine else _NEWS_OF_ITS_OWN
    news = {key for key, reason in made.reasons.items() if reason in kinds}
    if not news:
        return group
    if storm.promoted or (not storm.passed and _is_critical(group, made, news)):
        made.passed = not storm.promoted
        if mine:
            return replace(group, incident=None, heard={}, alone=True, stormed=False)
        return group
    for key in news:
        del made.reasons[key]
        log = group.log.get(key)
        if mine or not is_open or (log is not None and log.carried):
            made.carried.add(key)
    made.sheltered, made.storm = news, str(storm.id)
    if not is_open:
        _settle(made, storm)
    return group


def _in(group: flushing.Group, storm: Storm) -> bool:
    return group.incident is not None and group.incident.id == storm.incident.id


def _is_critical(group: flushing.Group, made: flushing.Plan, news: set[str]) -> bool:
    """Whether something critical fires that one of these integrations was not told of."""
    if ranks.worst(m.severity for m in made.firing) != "critical":
        return False
    marks = {m.fingerprint for m in made.firing if m.severity == "critical"}
    return any(_unknown(group.log.get(key), group.heard.get(key), marks) for key in news)


def _unknown(
    log: flushing.Log | None, heard: sharing.Heard | None, marks: set[str]
) -> bool:  # fmt: skip
    if log is None or not marks <= log.told.firing:
        return True
    known = log.severity or (heard.severity if heard else None)
    return known is not None and known != "critical"


def _settle(made: flushing.Plan, storm: Storm) -> None:
    """A folded group without an open incident of its own belongs to that of the storm."""
    worst = ranks.worst((storm.incident.severity, *(m.severity for m in made.firing)))
    made.act = "joined" if storm.exists else "opened"
    made.incident = replace(storm.incident, severity=worst)
    made.join, made.heard = storm.join, storm.heard


def _hush(group: flushing.Group, made: flushing.Plan) -> None:
    """What is over was only folded, or is told of by the storm: nobody hears of the part."""
    known = {"resolved"} if group.incident is not None else {"resolved", "repeat"}
    for key, reason in list(made.reasons.items()):
        log = group.log.get(key)
        if log is not None and log.carried and reason in known:
            del made.reasons[key]
            made.carried.add(key)


def is_done(group: flushing.Group, made: flushing.Plan) -> bool:
    """Whether somebody has resolved the storm it was in: then nobody is reminded of it."""
    return group.stormed and made.incident is None
