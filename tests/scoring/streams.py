"""Made-up histories whose anomalies are known: what the models are tried on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tocsin.domain.features import Event

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 21
#: Before this nothing strange happens, and nothing is asked.
QUIET = 12
#: An event and whether it is strange.
Told = tuple[Event, bool]


def fire(number: int, at: datetime, strange: bool = False, value: float = 50, **more: str) -> Told:
    labels = {
        "alertname": f"Alert{number}", "service": f"s{number}", "region": "eu", "pod": "p1", **more
    }  # fmt: skip
    return Event(at, f"Alert{number}", f"s{number}", labels, "firing", value), strange


def usual(chance: random.Random, rate: float = 1.0, swing: float = 0.8) -> list[Told]:
    """Five services with a daily rhythm and quieter weekends, pods that are always new."""
    told = []
    for number in range(5):
        level = rate * (0.3 + 2 * chance.random())
        for hour in range(DAYS * 24):
            daily = 1 + swing * math.sin(2 * math.pi * (hour % 24 - 9) / 24)
            weekend = 0.5 if hour // 24 % 7 >= 5 else 1.0
            for _ in range(_poisson(chance, level * daily * weekend)):
                at = START + timedelta(hours=hour + chance.random())
                pod, region = f"p{chance.randrange(10**6)}", chance.choice(["eu", "eu", "us"])
                value = chance.gauss(50 + 10 * number, 5)
                told.append(fire(number, at, value=value, pod=pod, region=region))
    return told


def _poisson(chance: random.Random, mean: float) -> int:
    bound, product, count = math.exp(-mean), chance.random(), 0
    while product > bound:
        product *= chance.random()
        count += 1
    return count


def storm(chance: random.Random) -> list[Told]:
    told = usual(chance)
    for day in (13, 16, 19):
        start = START + timedelta(days=day + chance.random())
        for number in range(5):
            for _ in range(20):
                at = start + timedelta(seconds=900 * chance.random())
                told.append(fire(number, at, strange=True, value=50 + 10 * number))
    return told


def rare(chance: random.Random) -> list[Told]:
    told = usual(chance)
    for _ in range(25):
        at = START + timedelta(days=QUIET + (DAYS - QUIET) * chance.random())
        number = chance.randrange(5)
        told.append(fire(number, at, True, 50 + 10 * number, region="antarctica"))
    return told


def value(chance: random.Random) -> list[Told]:
    told = usual(chance)
    for at in range(len(told)):
        event, _ = told[at]
        if event.at > START + timedelta(days=QUIET) and chance.random() < 0.02:
            number = int(event.service[1:])
            told[at] = fire(number, event.at, True, 50 + 10 * number + 45)
    return told


KINDS: dict[str, Callable[[random.Random], list[Told]]] = {
    "storm": storm,
    "rare": rare,
    "value": value,
}


def made(kind: str, seed: int = 1) -> tuple[list[Event], list[bool]]:
    """The events of a history in order, and which of them are strange."""
    told = sorted(KINDS[kind](random.Random(f"{kind} {seed}")), key=lambda each: each[0].at)
    return [event for event, _ in told], [strange for _, strange in told]
