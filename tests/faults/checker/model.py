"""What should have happened, thought out a second time and independently of the product.

Written from docs/architecture.md and from what Alertmanager documents; it imports nothing of what
it judges, and a test holds that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker.story import Request, Window, moment

Row = dict[str, Any]

#: FNV-1a with 64 bits, as published.
_BASIS, _PRIME, _BITS = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
#: A start that is further ahead than this is not believed. Seconds.
SKEW = 300.0
#: Sources that mean an alert to end by itself where it has no end, and after how many seconds:
#: Alertmanager's resolve_timeout.
FADING, FADES = frozenset({"prometheus"}), 300.0
#: The last step of a chain that never waits has this long to be answered. Seconds.
PATIENCE = 300.0


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's: FNV-1a over names in the order of their bytes, 0xFF behind each word."""
    state = _BASIS
    pairs = [(name.encode(), value.encode()) for name, value in labels.items() if value != ""]
    for pair in sorted(pairs):
        for word in pair:
            for byte in word + b"\xff":
                state = ((state ^ byte) * _PRIME) & _BITS
    return f"{state:016x}"


@dataclass(frozen=True)
class Posted:
    """One alert of one request; ``sure`` where the request was answered with a 2xx."""

    labels: Mapping[str, str]
    starts: float | None
    ends: float | None
    status: str
    sure: bool
    began: float
    ended: float | None
    #: When it ends by itself unless it is posted again; None: never.
    fades: float | None = None


@dataclass
class Arrivals:
    """All that was posted under one fingerprint."""

    posted: list[Posted] = field(default_factory=list)

    @property
    def sure(self) -> int:
        return sum(each.sure for each in self.posted)

    @property
    def most(self) -> int:
        """How many there may be in the store, those in doubt included."""
        return len(self.posted)

    def starts(self) -> set[float]:
        """The intervals that it was said to have."""
        return {each.starts for each in self.posted if each.starts is not None}

    def lone(self) -> float | None:
        """The start, if all that was posted tells of one believable interval."""
        starts = self.starts()
        if len(starts) != 1:
            return None
        start = next(iter(starts))
        early = any(start > each.began + SKEW - 60 for each in self.posted)
        odd = any(each.ends is not None and each.ends < start for each in self.posted)
        nameless = any(each.starts is None and each.status == "firing" for each in self.posted)
        return None if early or odd or nameless else start

    def faded(self, now: float) -> bool:
        """Whether it may have ended by itself meanwhile, and then begun again."""
        return any(each.fades is not None and each.fades <= now for each in self.posted)

    def over(self, now: float) -> bool | None:
        """Whether the one interval is over in the end; None where that cannot be told.

        A resolve is not taken back by a firing of the same interval, in whatever order they come.
        """
        if self.lone() is None:
            return None
        if any(each.sure and _is_over(each) for each in self.posted):
            return True
        unsure = self.faded(now) or any(_is_over(each) for each in self.posted)
        return None if unsure else False


def _is_over(each: Posted) -> bool:
    return each.status == "resolved"


def arrivals(posts: Iterable[Request]) -> dict[tuple[int, str], Arrivals]:
    """What was, or may have been, accepted, by tenant and fingerprint."""
    found: dict[tuple[int, str], Arrivals] = {}
    for post in posts:
        if post.outcome == "refused":
            continue
        for each in _taken(post):
            mark = fingerprint(each.labels)
            found.setdefault((post.tenant, mark), Arrivals()).posted.append(each)
    return found


def _taken(post: Request) -> Iterator[Posted]:
    rejected = set(post.answer.get("rejected") or ())
    for index, alert in enumerate(post.given.get("alerts", [])):
        if index in rejected or alert.get("hostile"):
            continue
        starts, ends = moment(alert.get("startsAt")), moment(alert.get("endsAt"))
        past = ends is not None and ends <= post.began
        status = "resolved" if past else alert.get("status") or "firing"
        sure = post.outcome == "accepted"
        fades = ends
        if ends is None and post.given.get("source") in FADING:
            fades = post.began + FADES
        yield Posted(
            alert["labels"], starts, ends, status, sure, post.began, post.ended,
            fades if status == "firing" else None,
        )  # fmt: skip


def receiver(policy: Row, labels: Mapping[str, str]) -> str:
    """Who is told of an alert: the first route all of whose labels it has."""
    for route in policy.get("routes", []):
        if all(labels.get(name, "") == value for name, value in route["match"].items()):
            return str(route["receiver"])
    return ""


def group(policy: Row, labels: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    """The group of an alert: its receiver, and the values of what it is grouped by."""
    named = policy.get("group_by", [])
    values = frozenset((name, labels[name]) for name in named if labels.get(name))
    return receiver(policy, labels), values


@dataclass(frozen=True)
class Due:
    """A step of an escalation: the round, its place in the chain, how long after the one before."""

    round: int
    step: int
    after: float


def chain(escalation: Row) -> list[Due]:
    """All steps that tell somebody, in order, if nobody ever acts."""
    found: list[Due] = []
    waits = [float(step["wait"]) for step in escalation["steps"] if "wait" in step]
    patience = waits[-1] if waits else PATIENCE
    pause = 0.0
    for turn in range(1, int(escalation.get("repeat", 0)) + 2):
        # A wait at the end of the chain is the patience of its last step, not a wait besides.
        trailing = "wait" in escalation["steps"][-1]
        pause = 0.0 if turn == 1 else pause if trailing else patience
        for index, step in enumerate(escalation["steps"]):
            if "wait" in step:
                pause += float(step["wait"])
            else:
                found.append(Due(turn, index, pause))
                pause = 0.0
    return found


def excused(due: float, windows: Sequence[Window], grace: float) -> float:
    """Until when something due then must have happened: so long after the faults in its way."""
    latest = due
    for window in windows:
        if window.begin <= latest + grace and window.end >= due:
            latest = max(latest, window.end)
    return latest + grace
