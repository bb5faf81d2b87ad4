"""A network partition, as a script: thousands of alerts of hundreds of label sets in seconds.

In the middle of it something else breaks elsewhere, and the one on call must hear of it at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.demo import script

#: Different alerts, and how often each Prometheus of the pair sends all of them.
SETS = 480
ROUNDS = 6
_CLUSTER = "eu-2"
_KINDS = (
    ("TargetDown", "error", "Cannot be scraped"),
    ("PodNotReady", "warning", "Not ready for two minutes"),
    ("SlowRequests", "warning", "p95 is above 800 ms"),
    ("HighErrorRate", "error", "More than 2 % of the requests fail"),
)
PARTITION = (
    script.labels("ClusterUnreachable", "kubernetes", _CLUSTER, "critical"),
    "eu-2 cannot be reached from outside",
)
ELSEWHERE = (
    script.labels("PaymentsStopped", "payments", "us-1", "critical"),
    "No payment went through for a minute",
)


def moves(began: datetime, seconds: float, seed: int = 7) -> list[script.Move]:
    """The script of a storm that lasts `seconds` and begins at `began`, in order.

    All of it is over at its end.
    """
    chance = random.Random(seed)
    alerts = [(_labels(n, chance), chance.random() * 0.3) for n in range(SETS)]
    made: list[script.Move] = [*_one(PARTITION, 0.02, began, seconds, "eu-2 is cut off")]
    made += _one(ELSEWHERE, 0.45, began, seconds, "Meanwhile, in us-1, payments stop")
    for n in range(ROUNDS):
        # A third of the time everybody finds out; then it is repeated until it is over.
        for replica in range(2):
            at = (n + 0.5 * replica) / ROUNDS * 0.8
            known = [(each, since) for each, since in alerts if since <= at]
            made += _round(known, at, began, seconds)
    made += _over(alerts, 0.85, began, seconds)
    return sorted(made, key=lambda move: move.at)


def _labels(n: int, chance: random.Random) -> tuple[script.Labels, str]:
    name, severity, summary = chance.choice(_KINDS)
    service = chance.choice(sorted(script.TEAMS))
    return script.labels(name, service, _CLUSTER, severity, pod=f"{service}-{n}"), summary


def _one(
    alert: tuple[script.Labels, str], part: float, began: datetime, seconds: float, say: str
) -> Iterator[script.Post]:
    labels, summary = alert
    since = began + timedelta(seconds=part * seconds)
    alerts = [script.firing(labels, summary, since, since)]
    yield script.prometheus(part * seconds, "shop", alerts, say, (labels,))
    over = [script.resolved(labels, summary, since, began + timedelta(seconds=0.9 * seconds))]
    yield script.prometheus(0.9 * seconds, "shop", over)


def _round(
    alerts: list[tuple[tuple[script.Labels, str], float]], at: float, began: datetime,
    seconds: float,
) -> Iterator[script.Post]:  # fmt: skip
    now = began + timedelta(seconds=at * seconds)
    made = [
        script.firing(labels, summary, began + timedelta(seconds=since * seconds), now)
        for (labels, summary), since in alerts
    ]
    for some in script.batches(made):
        yield script.prometheus(at * seconds, "shop", some)


def _over(
    alerts: list[tuple[tuple[script.Labels, str], float]], at: float, began: datetime,
    seconds: float,
) -> Iterator[script.Post]:  # fmt: skip
    ended = began + timedelta(seconds=at * seconds)
    made = [
        script.resolved(labels, summary, began + timedelta(seconds=since * seconds), ended)
        for (labels, summary), since in alerts
    ]
    for n, some in enumerate(script.batches(made)):
        yield script.prometheus(at * seconds, "shop", some, "" if n else "The network is back")
