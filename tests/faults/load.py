"""What the senders post in a run, drawn from the seed before it begins."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LANES = 2
#: Beside the mass of alerts each lane has so many alert names of these kinds.
NAMES = {"paged": 5, "texted": 2, "chat": 2, "quiet": 1, "load": 6}
BATCH = 30
SOURCES = ("prometheus", "prometheus", "alertmanager", "native")
#: Whoever judges an alert with this label dies on the spot (`armed`).
POISON = "kills_its_worker"
#: A file with the seconds by which the clock of a worker is wrong.
CLOCK_FILE = "BENCH_CLOCK_FILE"

#: One that is not over has no end; one that is has it from when it is first sent.
Labels = dict[str, str]


@dataclass
class Draft:
    """One alert of a post. ``starts`` is in seconds since the run began."""

    labels: Labels
    starts: float
    over: bool = False
    #: What is wrong with it; a whole document that replaces the alert.
    hostile: Any = None
    #: The start is before the end of an earlier one: news that is no news.
    late: bool = False


@dataclass
class Post:
    at: float
    source: str
    alerts: list[Draft] = field(default_factory=list)


@dataclass
class Lane:
    """What one sender of a tenant posts, in order."""

    tenant: int
    number: int
    posts: list[Post]


#: Each must be refused with its reason while its neighbours are taken.
HOSTILE: tuple[Any, ...] = (
    {"labels": {}},
    {"labels": {"alertname": {"nested": "no"}}},
    {"labels": {"alertname": "Bad", "": "nameless"}},
    {"labels": "none"},
    {"labels": {"alertname": "Bad"}, "startsAt": "yesterday", "starts_at": "yesterday"},
    {"labels": {"alertname": "Bad", "severity": 5}},
    "just a string",
    None,
    17,
)


def draw(chance: random.Random, canaries: list[str], alerts: int, seconds: float) -> list[Lane]:
    """The lanes of all tenants: `alerts` in all, spread over so many seconds."""
    each = alerts // (len(canaries) * LANES)
    return [
        Lane(tenant, number, _Sender(chance, f"{tenant}{number}", canary).posts(each, seconds))
        for tenant, canary in enumerate(canaries)
        for number in range(LANES)
    ]


class _Sender:
    """Draws the life of the alerts of one lane, in order."""

    def __init__(self, chance: random.Random, mark: str, canary: str) -> None:
        self.chance, self.mark, self.canary = chance, mark, canary
        self.count = 0
        self.firing: list[Draft] = []
        self.ended: list[Draft] = []

    def posts(self, alerts: int, seconds: float) -> list[Post]:
        important = sorted(self._important(seconds), key=lambda pair: pair[0])
        posts: list[Post] = []
        sent = len(important)
        while sent < alerts:
            size = min(alerts - sent, self.chance.randint(1, BATCH))
            at = seconds * sent / alerts
            posts.append(
                Post(at, self.chance.choice(SOURCES), [self._next(at) for _ in range(size)])
            )
            sent += size
        posts += [Post(at, "prometheus", [draft]) for at, draft in important]
        return sorted(posts, key=lambda post: post.at)

    def _important(self, seconds: float) -> Iterator[tuple[float, Draft]]:
        """What pages: each fires once, and half of them end by themselves."""
        for kind in ("paged", "texted", "chat", "quiet"):
            for number in range(NAMES[kind]):
                at = self.chance.uniform(0, seconds * 0.8)
                labels = self._labels(f"{kind.title()}{self.mark}{number}", kind, "critical")
                fires = Draft(labels, at)
                yield at, fires
                if self.chance.random() < 0.5:
                    over = self.chance.uniform(at + 3, seconds + 3)
                    yield over, Draft(labels, at, over=True)

    def _next(self, at: float) -> Draft:
        draw = self.chance.random()
        if draw < 0.02:
            return Draft({}, at, hostile=self.chance.choice(HOSTILE))
        if draw < 0.12 and self.firing:
            return self.chance.choice(self.firing)
        if draw < 0.17:
            return self._out_of_order(at)
        if draw < 0.27 and self.firing:
            return self._end(at)
        return self._fresh(at)

    def _fresh(self, at: float) -> Draft:
        number = self.chance.randrange(NAMES["load"])
        severity = self.chance.choice(("warning", "warning", "error", "info"))
        fresh = Draft(self._labels(f"Load{self.mark}{number}", "load", severity), at)
        self.firing.append(fresh)
        return fresh

    def _end(self, at: float) -> Draft:
        ended = self.firing.pop(self.chance.randrange(len(self.firing)))
        over = Draft(ended.labels, ended.starts, over=True)
        self.ended.append(ended)
        return over

    def _out_of_order(self, at: float) -> Draft:
        """An old firing after its end, or an end of what nobody has heard of."""
        if self.ended and self.chance.random() < 0.7:
            old = self.chance.choice(self.ended)
            return Draft(old.labels, old.starts, late=True)
        fresh = self._fresh(at)
        self.firing.remove(fresh)
        self.ended.append(fresh)
        return Draft(fresh.labels, fresh.starts, over=True)

    def _labels(self, name: str, kind: str, severity: str) -> Labels:
        self.count += 1
        return {
            "alertname": name, "kind": kind, "severity": severity, "site": self.canary,
            "n": f"{self.mark}-{self.count}",
        }  # fmt: skip
