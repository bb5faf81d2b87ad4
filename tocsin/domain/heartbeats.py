"""Whether something that must be heard again and again still is.

What stands in the record are facts: when it last succeeded, failed, started, was paused. How it is
follows from them, from its rhythm and from the time, wherever that is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from schemas.alert import Severity
from tocsin.domain import cron, matchers

State = Literal["new", "up", "late", "down", "paused"]
Cause = Literal["missing", "unfinished", "failed"]
Kind = Literal["success", "start", "fail"]
STATES: tuple[State, ...] = ("new", "up", "late", "down", "paused")

#: Alerts about heartbeats; what is only missing and what says that it failed are told apart.
ALERTS: Mapping[Cause, str] = {
    "missing": "TocsinHeartbeatMissing", "unfinished": "TocsinHeartbeatMissing",
    "failed": "TocsinHeartbeatFailed",
}  # fmt: skip
#: A ping that we may have missed ourselves is not waited for longer than this, and the grace.
LENIENCE = timedelta(hours=1)
_STATUS = re.compile(r"[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When it is heard: each `every` after the last time, or when `cron` says."""

    every: timedelta | None
    cron: str
    zone: str
    grace: timedelta

    def following(self, after: datetime) -> datetime:
        """When it is to be heard next, if it was heard at `after`."""
        if self.every is not None:
            return after + self.every
        # Documents in which nothing ever comes are refused.
        return cron.following(self.cron, self.zone, after) or after + timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One of the policy. Alerts that match its matchers, if it has some, are its pings."""

    name: str
    rhythm: Rhythm
    matchers: tuple[matchers.Matcher, ...] = ()
    severity: Severity = "critical"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the record knows.

    `down_since` and `cause`: an alert was raised about it and not ended, and that is when the last
    had been heard by then. Not when it was raised: a ping that waited for that is older.
    """

    success_at: datetime | None = None
    failed_at: datetime | None = None
    started_at: datetime | None = None
    #: Since when it has this rhythm.
    planned_at: datetime | None = None
    paused_at: datetime | None = None
    resumed_at: datetime | None = None
    down_since: datetime | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Deaf:
    """The last time in which nothing could be heard, because we did not run or had no record."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """How it is. `expected_at`: its next ping; `due_at`: when it is missing without one.

    `running`: it said that it started, and not yet that it ended.
    """

    state: State
    cause: Cause | None = None
    expected_at: datetime | None = None
    due_at: datetime | None = None
    running: bool = False


def kind_of(word: str) -> tuple[Kind, int | None] | None:
    """What a word behind the address means, with the exit status; None: it means nothing."""
    if word in ("", "start", "fail"):
        kinds: Mapping[str, Kind] = {"": "success", "start": "start", "fail": "fail"}
        return kinds[word], None
    if not _STATUS.fullmatch(word) or int(word) > 255:
        return None
    return ("fail" if int(word) else "success"), int(word)


def look(rhythm: Rhythm, facts: Facts, deaf: Deaf | None, now: datetime) -> Look:
    """How it is at `now`."""
    if facts.paused_at is not None:
        return Look("paused")
    running = _running(facts)
    base = _latest(facts.success_at, facts.resumed_at, facts.planned_at)
    if facts.success_at is None and facts.failed_at is None:
        base = None  # before its first ping nothing is expected, but what began must end
        if not running:
            return Look("new")
    expected = rhythm.following(base) if base is not None else None
    if running and facts.started_at is not None:
        expected = min(expected or facts.started_at, facts.started_at)
    assert expected is not None
    due = _lenient(rhythm, deaf, expected)
    latched = _latched(facts)
    if latched is not None or due <= now:
        cause = latched or ("unfinished" if running else "missing")
        return Look("down", cause, expected, due, running)
    late = expected <= now and not running and due == expected + rhythm.grace
    return Look("late" if late else "up", None, expected, due, running)


def last_known(facts: Facts) -> datetime | None:
    """When the last was heard of it, or said of it."""
    return _latest(facts.success_at, facts.failed_at, facts.started_at, facts.resumed_at)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((at for at in moments if at is not None), default=None)


def _running(facts: Facts) -> bool:
    over = _latest(facts.success_at, facts.failed_at, facts.resumed_at)
    return facts.started_at is not None and (over is None or facts.started_at > over)


def _latched(facts: Facts) -> Cause | None:
    """What it is down for whatever the time is: an alert was raised, or it said that it failed.

    Only a success, or somebody who resumes it, ends that.
    """
    well = _latest(facts.success_at, facts.resumed_at)
    if facts.down_since is not None and (well is None or well <= facts.down_since):
        return facts.cause or "missing"
    if facts.failed_at is not None and (well is None or well < facts.failed_at):
        return "failed"
    return None


def _lenient(rhythm: Rhythm, deaf: Deaf | None, expected: datetime) -> datetime:
    """When it is missing if its ping may have come while we heard nothing.

    It gets its next turn after we could hear again, though at most an hour, and its grace.
    """
    due = expected + rhythm.grace
    if deaf is None or deaf.since > due or deaf.until < expected - rhythm.grace:
        return due
    turn = min(rhythm.following(deaf.until), deaf.until + LENIENCE)
    return max(due, turn + rhythm.grace)


def pinged_by(all_of_them: tuple[Heartbeat, ...], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the heartbeats of which an alert with these labels is the ping."""
    return tuple(
        each.name
        for each in all_of_them
        if each.matchers and matchers.matches(each.matchers, labels)
    )


def explained(name: str) -> str:
    """Why nobody is told of an alert that is the ping of the heartbeat of this name."""
    return f"heartbeat {name}"
