"""What is unusual about an arrival, in numbers: each against what is usual for its stream.

A stream is what has the same alertname and service in one tenant. `observe(memory, event)` tells
how far the event is from what the memory knows, and then learns it; `Memory` can be stored and read
back. A feature is 0 while things are as usual (or as long as too little is known), grows with the
distance, and is never above `CAP`. The formulas are in docs/scoring.md.

    memory = Memory()
    row = observe(memory, Event(at, "HighLatency", "api", labels, "firing", value=1.7))
    row.values          # as many floats as NAMES
    row.settled         # whether enough is known of the stream for the row to be learnt from
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from tocsin.domain.baselines import MAX_LABELS, Hours, Level, Shares, above, mark

#: The columns of what a detector sees. A stored model names those that it was fitted with.
NAMES = ("rate", "hourly", "daily", "hour", "gap", "duration", "rarity", "width", "value", "trend")
CAP = 12.0
#: What lies within so many spreads is usual.
USUAL = 1.5
#: Arrivals closer than this are one: the alerts of one post are not a rhythm.
TOGETHER = 60.0
#: "The same window": streams that begin within it begin together.
WINDOW = 300.0
#: Firing alerts whose beginning is remembered, and streams of one window.
MAX_OPEN, MAX_TOGETHER = 200, 500
#: Labels that make the stream, or say no more than it does.
PLAIN = frozenset({"alertname", "service", "severity"})
#: A stream that came less often is not learnt from.
SETTLED = 5


@dataclass(frozen=True, slots=True)
class Event:
    """A change of an alert: it fires, or is over. ``tick``: nothing came; look at the silence.

    ``duration`` is how long it fired, in seconds; None: it is worked out from the event before.
    """

    at: datetime
    alertname: str
    service: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    status: str = "firing"
    value: float | None = None
    duration: float | None = None

    @property
    def stream(self) -> tuple[str, str]:
        return self.alertname, self.service


class Stream(msgspec.Struct, array_like=True):
    """What is remembered of a stream."""

    seen: int = 0
    last: float = 0.0
    minutes: list[tuple[int, int]] = []
    hours: Hours = msgspec.field(default_factory=Hours)
    gap: Level = msgspec.field(default_factory=Level)
    duration: Level = msgspec.field(default_factory=Level)
    value: Level = msgspec.field(default_factory=Level)
    labels: dict[str, Shares] = {}
    #: When each alert that fires began, by a mark of its labels.
    open: dict[str, float] = {}
    lasted: float | None = None


class Crowd(msgspec.Struct, array_like=True):
    """What is remembered of all streams of a tenant together."""

    seen: int = 0
    streams: int = 0
    begun: dict[str, float] = {}
    width: Level = msgspec.field(default_factory=Level)


class Memory(msgspec.Struct, array_like=True):
    """A tenant's crowd and as many of its streams as are needed, by `key`."""

    crowd: Crowd = msgspec.field(default_factory=Crowd)
    streams: dict[str, Stream] = {}


class Fact(NamedTuple):
    """What was seen and what is usual; in seconds, times, streams, or the value's own unit."""

    seen: float
    usual: float
    about: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """The features of an event, in the order of NAMES, and the facts behind those above 0."""

    values: tuple[float, ...]
    facts: Mapping[str, Fact]
    settled: bool


def key(alertname: str, service: str) -> str:
    """What a stream is stored under."""
    return f"{mark(alertname)}{mark(service)}{mark(alertname + chr(0) + service)}"


def observe(memory: Memory, event: Event) -> Row:
    """How unusual an event is; the memory knows it from then on. A tick teaches nothing."""
    name = key(event.alertname, event.service)
    stream = memory.streams.get(name)
    if stream is None:
        stream = Stream()
        if event.status != "tick":
            memory.streams[name] = stream
    at = event.at.timestamp()
    facts: dict[str, tuple[float, Fact]] = {}
    if event.status == "tick":
        _silence(stream, at, facts)
        return _row(stream, facts)
    # Late ones count as of the latest: a baseline only moves forward.
    at = max(at, stream.last)
    if event.status == "firing":
        # Before the empty hours of a silence are learnt.
        _silence(stream, at, facts)
    stream.hours.move(at)
    if event.status == "firing":
        _arrival(memory.crowd, stream, name, event, at, facts)
        stream.seen += 1
    _duration(stream, event, at, facts)
    return _row(stream, facts)


def _row(stream: Stream, facts: dict[str, tuple[float, Fact]]) -> Row:
    values = tuple(min(CAP, facts[name][0]) if name in facts else 0.0 for name in NAMES)
    kept = {name: fact for name, (far, fact) in facts.items() if far > 0}
    return Row(values, kept, settled=stream.seen > SETTLED)


def _beyond(far: float) -> float:
    return max(0.0, far - USUAL)


def _arrival(
    crowd: Crowd,
    stream: Stream,
    name: str,
    event: Event,
    at: float,
    facts: dict[str, tuple[float, Fact]],
) -> None:
    _rhythm(stream, at, facts)
    _rates(stream, at, facts)
    _rarity(crowd, stream, event, facts)
    _width(crowd, name, at, facts)
    _value(stream, event, facts)
    _trend(stream, facts)
    stream.last = at


def _rates(stream: Stream, at: float, facts: dict[str, tuple[float, Fact]]) -> None:
    hours, minute = stream.hours, int(at // 60)
    rare = hours.unusual_hour()
    hours.arrive()
    _count_minute(stream, minute)
    ten = sum(count for when, count in stream.minutes if when > minute - 10)
    sixty = sum(count for _, count in stream.minutes)
    usual = hours.usual(hours.now)
    # A stream that is hardly known is measured with one a quiet stream would be.
    known = hours.closed >= 6
    varies = max(1.0, hours.varies / 0.8)
    short, long = (usual / 6, usual) if known else (1.0, 2.0)
    facts["rate"] = _beyond(above(ten, short) / varies), Fact(ten, short)
    facts["hourly"] = _beyond(above(sixty, long) / varies), Fact(sixty, long)
    if hours.closed >= 48:
        day, varies_day = hours.day(), max(1.0, hours.varies_day / 0.8)
        far = above(day, hours.usual_day) / varies_day
        facts["daily"] = _beyond(far), Fact(day, hours.usual_day)
    if rare:
        facts["hour"] = rare, Fact(1, usual)


def _count_minute(stream: Stream, minute: int) -> None:
    kept = [held for held in stream.minutes if held[0] > minute - 60]
    if kept and kept[-1][0] == minute:
        kept[-1] = (minute, kept[-1][1] + 1)
    else:
        kept.append((minute, 1))
    stream.minutes = kept


def _silence(stream: Stream, at: float, facts: dict[str, tuple[float, Fact]]) -> None:
    """A gap is unusual if it is long for this stream and more should have come meanwhile."""
    gap = at - stream.last
    if not stream.seen or gap < TOGETHER:
        return
    far = stream.gap.far(math.log1p(gap), 0.25)
    if far > USUAL:
        missing = 1.5 * above(stream.hours.missed(stream.last, at), 0.0)
        usual = math.expm1(stream.gap.middle)
        facts["gap"] = _beyond(min(far, missing)), Fact(gap, usual)


def _rhythm(stream: Stream, at: float, facts: dict[str, tuple[float, Fact]]) -> None:
    gap = at - stream.last
    if stream.seen and gap >= TOGETHER:
        stream.gap.learn(math.log1p(gap), 0.25)


def _rarity(
    crowd: Crowd, stream: Stream, event: Event, facts: dict[str, tuple[float, Fact]]
) -> None:
    crowd.seen += 1
    if stream.seen < 3 and crowd.seen > 100:
        fresh = -math.log((crowd.streams + 0.5) / (crowd.seen + 1))
        facts["rarity"] = max(0.0, fresh), Fact(stream.seen + 1, crowd.seen)
    if not stream.seen:
        crowd.streams += 1
    for label in sorted({*event.labels, *stream.labels} - PLAIN):
        value, shares = event.labels.get(label, ""), stream.labels.get(label)
        if shares is None:
            if len(stream.labels) >= MAX_LABELS:
                continue
            # Until now it was always absent, and that is a value as well.
            before = float(stream.seen)
            shares = Shares({mark(""): before} if before else {}, before)
            stream.labels[label] = shares
        far = shares.surprise(value)
        if far > facts.get("rarity", (0.0,))[0]:
            facts["rarity"] = far, Fact(shares.share(value), 0.0, label)
        shares.learn(value)


def _width(crowd: Crowd, name: str, at: float, facts: dict[str, tuple[float, Fact]]) -> None:
    began = name not in crowd.begun
    _forget(crowd.begun, at - WINDOW)
    if len(crowd.begun) < MAX_TOGETHER:
        crowd.begun.pop(name, None)  # what came last stands last
        crowd.begun[name] = at
    wide = len(crowd.begun)
    known = crowd.width.seen >= SETTLED
    far = above(wide, max(1.0, crowd.width.middle)) if known else 0.0
    facts["width"] = _beyond(far), Fact(wide, crowd.width.middle)
    if began:
        # A burst is one event: it teaches little, however many streams are in it.
        crowd.width.learn(min(wide, 2 * crowd.width.middle + 2), 0.5)


def _forget(begun: dict[str, float], since: float) -> None:
    """Drop what came before; most of the times this is called there is nothing, or little."""
    while begun and begun[first := next(iter(begun))] <= since:
        del begun[first]


def _value(stream: Stream, event: Event, facts: dict[str, tuple[float, Fact]]) -> None:
    if event.value is None or not math.isfinite(event.value):
        return
    # A number that is out of all proportion must not make others infinite.
    value = max(-1e15, min(1e15, event.value))
    floor = 0.01 * abs(stream.value.middle) + 1e-9
    far = abs(stream.value.far(value, floor))
    facts["value"] = _beyond(far), Fact(value, stream.value.middle)
    stream.value.learn(value, floor)


def _duration(
    stream: Stream, event: Event, at: float, facts: dict[str, tuple[float, Fact]]
) -> None:
    """Of an alert that is over its own; of one that fires that of the last that was over."""
    who = mark("\0".join(f"{name}={event.labels[name]}" for name in sorted(event.labels)))
    if event.status == "firing":
        lasted = stream.lasted
        if len(stream.open) < MAX_OPEN:
            stream.open.setdefault(who, at)
    else:
        began = stream.open.pop(who, None)
        lasted = event.duration
        if lasted is None and began is not None:
            lasted = at - began
        stream.lasted = lasted
    if lasted is None:
        return
    length = math.log1p(max(0.0, lasted))
    far = abs(stream.duration.far(length, 0.25))
    fact = Fact(lasted, math.expm1(stream.duration.middle))
    if event.status != "firing":
        facts["duration"] = _beyond(far), fact
        stream.duration.learn(length, 0.25)
    else:
        # It is the one before that was unusual: half as telling.
        facts["duration"] = _beyond(far / 2), fact


def _trend(stream: Stream, facts: dict[str, tuple[float, Fact]]) -> None:
    """Small departures to one side that do not end: values, ever shorter gaps, longer firing."""
    grown = max(stream.value.up, stream.value.down, stream.gap.down, stream.duration.up)
    facts["trend"] = max(0.0, grown - 4.0), Fact(grown, 4.0)
