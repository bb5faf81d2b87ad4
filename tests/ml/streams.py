"""Labelled streams of alerts, drawn from a seed: what is usual, and what a person would call odd.

This stands apart on purpose. It shares no code and no number with the features or the detectors
that are judged by it, and it says what is odd by how it was made, not by how it looks afterwards.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAYS = 42
#: Nothing odd happens before this: there is something to learn from.
QUIET_DAYS = 28


@dataclass(frozen=True, slots=True)
class Labelled:
    """One change of an alert, and whether a person would want to hear that it is unusual."""

    at: datetime
    alertname: str
    service: str
    labels: dict[str, str] = field(default_factory=dict)
    status: str = "firing"
    value: float | None = None
    odd: bool = False


Kind = Callable[[random.Random], Iterator[Labelled]]


def stream(kind: str, seed: int) -> list[Labelled]:
    """All alerts of one tenant in the order of time."""
    draw = random.Random(f"{kind}/{seed}")
    return sorted(KINDS[kind](draw), key=lambda each: (each.at, each.alertname, each.service))


def _arrivals(
    draw: random.Random, rate: Callable[[datetime], float], peak: float
) -> Iterator[datetime]:
    """A Poisson process of `rate` alerts an hour, never more than `peak`, by thinning."""
    at, end = START, START + timedelta(days=DAYS)
    while True:
        at += timedelta(hours=draw.expovariate(peak))
        if at >= end:
            return
        if draw.random() * peak < rate(at):
            yield at


def _one(
    at: datetime, name: str, service: str, draw: random.Random, minutes: float,
    *, odd: bool = False, value: float | None = None, **labels: str,
) -> Iterator[Labelled]:  # fmt: skip
    """An alert that fires and, some minutes later, is over."""
    yield Labelled(at, name, service, labels, "firing", value, odd)
    over = at + timedelta(minutes=draw.lognormvariate(math.log(minutes), 0.4))
    yield Labelled(over, name, service, labels, "resolved", value, False)


def _odd_moments(draw: random.Random, count: int) -> list[datetime]:
    """When something odd happens: spread over the days after the quiet ones."""
    left = DAYS - QUIET_DAYS
    return sorted(
        START + timedelta(days=QUIET_DAYS + left * (n + draw.random()) / count)
        for n in range(count)
    )


def _office(at: datetime) -> float:
    """How busy an hour of the week is, between 0 and 1."""
    if at.weekday() >= 5:
        return 0.08
    return 0.08 + 0.92 * math.exp(-(((at.hour + at.minute / 60 - 13) / 4) ** 2))


def seasonal(draw: random.Random) -> Iterator[Labelled]:
    """Busy in the daytime of working days; odd: as many at night or at a weekend."""
    for number in range(4):
        service, host = f"web-{number}", f"w{number}"
        for at in _arrivals(draw, lambda t: 8 * _office(t), 8):
            yield from _one(at, "HighLatency", service, draw, 6, host=host)
    for at in _odd_moments(draw, 12):
        night = at.replace(hour=draw.choice((1, 2, 3, 4)), minute=draw.randrange(60))
        service = f"web-{draw.randrange(4)}"
        for _ in range(draw.randint(5, 9)):
            night += timedelta(minutes=draw.expovariate(0.25))
            yield from _one(night, "HighLatency", service, draw, 6, host="w" + service[-1],
                            odd=True)  # fmt: skip


def storms(draw: random.Random) -> Iterator[Labelled]:
    """A background of single alerts; odd: many services at once."""
    for number in range(25):
        for at in _arrivals(draw, lambda _: 0.25, 0.25):
            yield from _one(at, f"Check{number % 5}", f"svc-{number}", draw, 12)
    for at in _odd_moments(draw, 10):
        for number in draw.sample(range(25), draw.randint(10, 22)):
            moment = at + timedelta(seconds=draw.uniform(0, 90))
            name = f"Check{number % 5}"
            yield from _one(moment, name, f"svc-{number}", draw, 12, odd=True)


def silence(draw: random.Random) -> Iterator[Labelled]:
    """Jobs that report in regularly; odd: one that was gone for hours reports again."""
    gaps = {number: _odd_moments(draw, 4) for number in range(6)}
    for number in range(6):
        every = draw.choice((10, 15, 30))
        at, end, missed = START, START + timedelta(days=DAYS), list(gaps[number])
        while at < end:
            odd = bool(missed) and at >= missed[0]
            if odd:
                missed.pop(0)
                at += timedelta(minutes=every * draw.uniform(10, 40))
            yield from _one(at, "JobDone", f"job-{number}", draw, 2, odd=odd)
            at += timedelta(minutes=every * draw.uniform(0.85, 1.15))


def drift(draw: random.Random) -> Iterator[Labelled]:
    """Slowly three times as many, which is no news; odd: a jump above what it has come to."""
    days = timedelta(days=DAYS)
    for number in range(5):
        for at in _arrivals(draw, lambda t: 1.5 + 3 * ((t - START) / days), 4.5):
            yield from _one(at, "QueueSlow", f"queue-{number}", draw, 8)
    for at in _odd_moments(draw, 10):
        service, moment = f"queue-{draw.randrange(5)}", at
        for _ in range(draw.randint(8, 14)):
            moment += timedelta(minutes=draw.expovariate(0.7))
            yield from _one(moment, "QueueSlow", service, draw, 8, odd=True)


def rare_labels(draw: random.Random) -> Iterator[Labelled]:
    """A few regions and versions in known shares; odd: a value that was never or hardly seen."""
    for number in range(4):
        for at in _arrivals(draw, lambda _: 2.0, 2.0):
            region = draw.choices(("eu", "us", "ap"), (60, 30, 10))[0]
            code = draw.choices(("500", "502", "504"), (70, 20, 10))[0]
            yield from _one(at, "Errors", f"api-{number}", draw, 5, region=region, code=code)
    for n, at in enumerate(_odd_moments(draw, 24)):
        labels = {"region": "eu", "code": "500"}
        labels[draw.choice(("region", "code"))] = f"new-{n}"
        service = f"api-{draw.randrange(4)}"
        yield from _one(at, "Errors", service, draw, 5, odd=True, **labels)  # type: ignore[arg-type]


def slow_burn(draw: random.Random) -> Iterator[Labelled]:
    """A measured value around its level; odd: it climbs, alert by alert, and lasts longer."""
    burning = {number: _odd_moments(draw, 2) for number in range(4)}
    for number in range(4):
        level, swing = draw.uniform(40, 70), draw.uniform(2, 5)
        moments = list(_arrivals(draw, lambda _: 1.5, 1.5))
        for at in moments:
            since = [(at - begun) / timedelta(hours=8) for begun in burning[number]]
            height = next((part for part in since if 0 <= part < 1), 0.0)
            value = draw.gauss(level + height * swing * 12, swing)
            yield from _one(at, "DiskUsage", f"disk-{number}", draw, 10 * (1 + 5 * height),
                            odd=height > 0.35, value=round(value, 2))  # fmt: skip


KINDS: dict[str, Kind] = {
    "seasonal": seasonal,
    "storms": storms,
    "silence": silence,
    "drift": drift,
    "rare labels": rare_labels,
    "slow burn": slow_burn,
}
