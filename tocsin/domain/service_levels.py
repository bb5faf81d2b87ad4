"""Clocks of service levels: what an incident's story means for what was promised about it.

All is counted anew from the story each time: nothing is added up along the way.

The clock of `acknowledge` runs while nobody has the incident. It stops when somebody acknowledges
or it is over, goes on where it stood when that is given back, and begins anew when the incident
opens again. The clock of `resolve` runs until it is over, and goes on where it stood when it opens
again. Both stand still outside of the calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tocsin.domain import calendars, statistics

Clock = Literal["acknowledge", "resolve"]
CLOCKS: tuple[Clock, ...] = ("acknowledge", "resolve")
BREACHED, AT_RISK = "TocsinServiceLevelBreached", "TocsinServiceLevelAtRisk"
#: Alerts about clocks have none themselves, or one that is missed would go on for ever.
OWN = frozenset({BREACHED, AT_RISK})
#: The label by which the routes of these alerts know whom to tell.
RECEIVER = "tocsin_notify"

_ENDS = frozenset({"resolved", "merged_into"})
_GIVEN_BACK = frozenset({"unacknowledged"})
#: Fewer past incidents than this foretell nothing.
ENOUGH = 10

Segment = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Target:
    """A service level of a policy."""

    name: str
    within: Mapping[Clock, timedelta]
    severities: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()
    calendar: calendars.Calendar | None = None
    warn_before: timedelta | None = None
    notify: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A line of an incident's story."""

    at: datetime
    kind: str


@dataclass(frozen=True, slots=True)
class Incident:
    """What the row says, and the story in order."""

    severity: str
    state: str
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    services: frozenset[str]
    receivers: frozenset[str]
    acts: tuple[Act, ...]
    alertnames: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class State:
    """One clock now. `due_at` is when it will have been missed, `warn_at` when to say so before.

    `stopped_at` is set while it does not count any more. `breaches` counts the rounds in which it
    was missed; `missed_now` says it of the round that runs, or ran last, which began at `round_at`.
    """

    clock: Clock
    started_at: datetime
    round_at: datetime
    due_at: datetime | None
    warn_at: datetime | None
    stopped_at: datetime | None
    breached_at: datetime | None
    breaches: int
    missed_now: bool
    paused: bool

    def next_at(self, now: datetime) -> datetime | None:
        """When to look again: nothing changes by itself before."""
        if self.stopped_at is not None or self.missed_now:
            return None
        times = [at for at in (self.warn_at, self.due_at) if at is not None and at > now]
        return min(times, default=None)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the tenant's own past says: of so many, half and nine of ten took no longer than this.

    `likely` is "breach" where more than half took longer than promised, "at risk" where more than
    one of ten did, else "met"; "unknown" where there are too few.
    """

    likely: Literal["met", "at risk", "breach", "unknown"]
    of: int
    p50: timedelta | None = None
    p90: timedelta | None = None


def choose(targets: Iterable[Target], incident: Incident) -> Target | None:
    """The first that the incident fits; alerts about clocks fit none."""
    if incident.alertnames & OWN:
        return None
    return next((target for target in targets if _fits(target, incident)), None)


def state(target: Target, clock: Clock, incident: Incident, now: datetime) -> State | None:
    """The clock as the story has it; None where the target promises nothing of the kind."""
    within = target.within.get(clock)
    if within is None:
        return None
    rounds = segments(clock, incident, now)
    verdicts = [_judge(target.calendar, within, each, now) for each in rounds]
    missed = [at for _, at in verdicts if at is not None]
    due, missed_at = verdicts[-1]
    last = rounds[-1][-1]
    running = last[1] is None
    warn = None
    if running and target.warn_before is not None:
        early = _due(target.calendar, within - target.warn_before, rounds[-1])
        warn = early if early is None or early > rounds[-1][0][0] else None
    return State(
        clock=clock,
        started_at=rounds[0][0][0],
        round_at=rounds[-1][0][0],
        due_at=due if running else None,
        warn_at=warn,
        stopped_at=last[1],
        breached_at=min(missed, default=None),
        breaches=len(missed),
        missed_now=missed_at is not None,
        paused=running and not calendars.runs(target.calendar, now),
    )


def segments(clock: Clock, incident: Incident, now: datetime) -> list[list[Segment]]:
    """The rounds of a clock, each with the times in which it ran; an end None: it runs still."""
    rounds: list[list[Segment]] = [[(incident.opened_at, None)]]
    for act in incident.acts:
        running = rounds[-1][-1][1] is None
        if running and _stops(clock, act.kind):
            _stop(rounds, act.at)
        elif not running and act.kind == "reopened":
            _go_on(rounds, act.at, anew=clock == "acknowledge")
        elif not running and clock == "acknowledge" and act.kind in _GIVEN_BACK:
            _go_on(rounds, act.at, anew=False)
    _agree(clock, incident, rounds, now)
    return rounds


def outlook(
    target: Target, clock: Clock, past: Sequence[tuple[datetime, datetime]]
) -> Outlook:  # fmt: skip
    """How incidents like it went before: `past` are when each opened, and was acted on or over."""
    within = target.within.get(clock)
    took = [calendars.elapsed(target.calendar, start, end).total_seconds() for start, end in past]
    if within is None or len(took) < ENOUGH:
        return Outlook("unknown", len(took))
    p50, p90 = statistics.percentile(took, 50), statistics.percentile(took, 90)
    assert p50 is not None
    assert p90 is not None
    limit = within.total_seconds()
    likely: Literal["met", "at risk", "breach"] = (
        "breach" if p50 >= limit else "at risk" if p90 >= limit else "met"
    )
    return Outlook(likely, len(took), timedelta(seconds=p50), timedelta(seconds=p90))


def _fits(target: Target, incident: Incident) -> bool:
    return (
        (not target.severities or incident.severity in target.severities)
        and (not target.services or bool(target.services & incident.services))
        and (not target.receivers or bool(target.receivers & incident.receivers))
    )


def _stops(clock: Clock, kind: str) -> bool:
    return kind in _ENDS or (clock == "acknowledge" and kind == "acknowledged")


def _stop(rounds: list[list[Segment]], at: datetime) -> None:
    rounds[-1][-1] = (rounds[-1][-1][0], at)


def _go_on(rounds: list[list[Segment]], at: datetime, *, anew: bool) -> None:
    if anew:
        rounds.append([(at, None)])
    else:
        rounds[-1].append((at, None))


def _agree(
    clock: Clock, incident: Incident, rounds: list[list[Segment]], now: datetime
) -> None:  # fmt: skip
    """Where row and story disagree the row is right, and its moment is used if it has one."""
    running = rounds[-1][-1][1] is None
    still = incident.state == "open" or (incident.state == "acknowledged" and clock == "resolve")
    if running == still:
        return
    if running:
        over = incident.state == "resolved"
        _stop(rounds, (incident.resolved_at if over else incident.acknowledged_at) or now)
    else:
        last = rounds[-1][-1][1]
        later = [act.at for act in incident.acts if last is not None and act.at > last]
        _go_on(rounds, min(later, default=now), anew=False)


def _judge(
    calendar: calendars.Calendar | None, within: timedelta, ran: list[Segment], now: datetime
) -> tuple[datetime | None, datetime | None]:
    """When a round is, or would have been, missed; and that moment again if it was."""
    due = _due(calendar, within, ran)
    return due, due if due is not None and due <= now else None


def _due(
    calendar: calendars.Calendar | None, within: timedelta, ran: list[Segment]
) -> datetime | None:  # fmt: skip
    """When so much of the clock is over; None: it stopped before, or its calendar ended."""
    for start, end in ran:
        due = calendars.after(calendar, start, within)
        if end is None or (due is not None and due <= end):
            return due
        within -= calendars.elapsed(calendar, start, end)
    return None
