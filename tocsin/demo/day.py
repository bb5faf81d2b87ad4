"""A realistic day of two tenants, as a script: pure, from a seed and a moment.

The shop has twelve services in three clusters. Two clusters are watched by a pair of Prometheus
servers each, which send everything twice and again and again; the third has an Alertmanager in
front. The bank next door has one alert at a time, each of which must reach its pager at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.demo import script

#: Clusters with a Prometheus pair; us-1 has an Alertmanager in front.
PAIRED = ("eu-1", "eu-2")
#: Seconds between two of the bank's alerts on a short day, and how many a longer one has.
_BANK_EVERY = 0.5
_BANK_ALERTS = 60
BANK_ALERT = "CashMachineDown"
#: How long a cash machine is down: longer than it takes to be told of it on a busy machine.
BANK_LASTS = 2.0
#: A Prometheus says so many times that an alert is over.
SAID_OVER = 2
_BEFORE = timedelta(hours=3)
#: What the silence of the day keeps quiet.
_MAINTAINED = "catalog-db-2"


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert from `start` to `end`, both as parts of the day; below 0 and above 1: around it."""

    start: float
    end: float
    labels: script.Labels
    summary: str
    say: str = ""


def _episode(
    when: tuple[float, float], name: str, service: str, cluster: str, severity: str, summary: str,
    say: str = "", **more: str,
) -> Episode:  # fmt: skip
    return Episode(*when, script.labels(name, service, cluster, severity, **more), summary, say)


_ALWAYS = (-1.0, 2.0)
STANDING = (
    _episode(_ALWAYS, "Watchdog", "kubernetes", "eu-1", "none", "Fires always, by design"),
    _episode(_ALWAYS, "Watchdog", "kubernetes", "eu-2", "none", "Fires always, by design"),
    _episode(_ALWAYS, "CertificateExpiresSoon", "gateway", "eu-1", "info", "21 days are left"),
    _episode(_ALWAYS, "ImageOutdated", "search", "eu-1", "info", "The image is 90 days old"),
    _episode(_ALWAYS, "ImageOutdated", "cart", "eu-2", "info", "The image is 120 days old"),
    _episode(_ALWAYS, "QuotaAlmostUsed", "queue", "eu-1", "info", "80 % of the quota are used"),
    _episode(_ALWAYS, "DeprecatedApiUsed", "fraud", "eu-2", "info", "v1 goes away in spring"),
    _episode(_ALWAYS, "SlowQueries", "orders-db", "eu-2", "info", "The slow log grows"),
)
EPISODES = (
    *(
        _episode(
            (0.06, 0.42), "HighErrorRate", "checkout", "eu-1", "warning",
            "More than 2 % of the requests fail",
            "A deploy of checkout goes wrong on three pods" if n == 1 else "", pod=f"checkout-{n}",
        )
        for n in (1, 2, 3)
    ),
    *(
        _episode(
            (0.22 + 0.16 * n, 0.29 + 0.16 * n), "SlowRequests", "search", "eu-1", "warning",
            "p95 is above 800 ms", "Search is slow, fine, slow, fine: it flaps" if n == 0 else "",
        )
        for n in range(3)
    ),
    _episode((0.16, 0.74), "ReplicationLag", "catalog-db", "eu-2", "warning",
             "The replica is 90 s behind", instance=_MAINTAINED),
    _episode((0.18, 0.70), "InstanceDown", "catalog-db", "eu-2", "critical",
             "catalog-db-2 does not answer", "catalog-db-2 goes down, as announced",
             instance=_MAINTAINED),
    _episode((0.30, 0.78), "DatabaseDown", "orders-db", "us-1", "critical",
             "The primary does not take writes", "The database of the orders goes down in us-1",
             instance="orders-db-1"),
    _episode((0.34, 0.78), "HighErrorRate", "cart", "us-1", "warning",
             "More than 2 % of the requests fail", pod="cart-1"),
    _episode((0.34, 0.78), "HighErrorRate", "checkout", "us-1", "warning",
             "More than 2 % of the requests fail", pod="checkout-1"),
    _episode((0.60, 0.93), "CardProviderDown", "payments", "eu-1", "critical",
             "The card provider refuses connections", "The card provider goes away"),
    _episode((0.57, 0.93), "QueueLag", "queue", "eu-1", "warning",
             "12 000 messages wait", "The queue grows just now", instance="queue-1"),
)  # fmt: skip


def moves(began: datetime, seconds: float, seed: int = 7) -> list[script.Move]:
    """The script of a day that lasts `seconds` and begins at `began`, in order."""
    chance = random.Random(seed)
    made: list[script.Move] = [*_acts(seconds), *_odd(began, seconds)]
    for cluster in PAIRED:
        made += _pair(cluster, began, seconds, chance)
    made += _front(began, seconds)
    made += bank(began, seconds)
    return sorted(made, key=lambda move: move.at)


def first(began: datetime, over: datetime | None = None) -> Iterator[script.Post]:
    """What everybody does first: a test alert, which also wakes what has never worked yet."""
    for slug in ("shop", "bank"):
        labels = {"alertname": "TestAlert", "severity": "critical", "from": slug}
        if over:
            alert = script.resolved(labels, "Do you hear me?", began, over)
            yield script.prometheus(0.0, slug, [alert])
        else:
            alert = script.firing(labels, "Do you hear me?", began, began)
            say = f"The {slug} sends a test alert"
            yield script.prometheus(0.0, slug, [alert], say, (labels,))


def bank(began: datetime, seconds: float, first: int = 0) -> Iterator[script.Post]:
    """A cash machine goes down every now and then; the last is back `BANK_LASTS` after the end."""
    every = max(_BANK_EVERY, seconds / _BANK_ALERTS)
    for n in range(int(seconds / every)):
        at, over = n * every, n * every + BANK_LASTS
        since, until = (began + timedelta(seconds=each) for each in (at, over))
        labels = {"alertname": BANK_ALERT, "severity": "critical", "machine": str(first + n)}
        summary = f"Cash machine {first + n} gives no money"
        down = [script.firing(labels, summary, since, since)]
        yield script.prometheus(at, "bank", down, urgent=(labels,))
        yield script.prometheus(over, "bank", [script.resolved(labels, summary, since, until)])


def _acts(seconds: float) -> Iterator[script.Act]:
    silence = {
        "matchers": ["service=catalog-db", f"instance={_MAINTAINED}"],
        "duration": "1h",
        "comment": f"{_MAINTAINED} gets new disks",
    }
    yield script.Act(0.10 * seconds, "silence", "Maintenance is announced: a silence", silence)
    yield script.Act(0.38 * seconds, "acknowledge", "The one on call texts a 1 back: taken",
                     {"title": "DatabaseDown"})  # fmt: skip
    yield script.Act(0.59 * seconds, "lose_reply", "The pager's next reply will get lost",
                     {"dest": "pager"})  # fmt: skip
    yield script.Act(0.55 * seconds, "break", "Slack answers 500 in #platform",
                     {"channel": "#platform"})  # fmt: skip
    yield script.Act(0.72 * seconds, "heal", "Slack is well again", {"channel": "#platform"})


def _odd(began: datetime, seconds: float) -> Iterator[script.Post]:
    """What also happens every day: a script with a bad alert, and a message that comes late."""
    good = {"title": "ImportFinished", "severity": "info",
            "labels": {"service": "catalog-db", "team": "data", "cluster": "eu-2"}}  # fmt: skip
    bad = {"title": "ImportBroken", "labels": {"rows": [1, 2, 3]}}
    yield script.Post(0.48 * seconds, "shop", "/api/v1/alerts", [good, bad], 2,
                      "A script posts two alerts; one of them cannot be read")  # fmt: skip
    late = next(each for each in EPISODES if each.labels.get("pod") == "checkout-1")
    since = _moment(began, seconds, late.start)
    alerts = [script.firing(late.labels, late.summary, since, _moment(began, seconds, 0.5))]
    yield script.prometheus(0.5 * seconds, "shop", alerts, "A message that is over comes late")


def _pair(
    cluster: str, began: datetime, seconds: float, chance: random.Random
) -> Iterator[script.Post]:
    """Two Prometheus servers that see the same: at each change and at each tick, both send."""
    mine = [each for each in (*STANDING, *EPISODES) if each.labels["cluster"] == cluster]
    tick = max(0.5, seconds / 40)
    for n in range(int(seconds / tick)):
        for lag in (0.0, chance.uniform(0.02, 0.2)):
            at = n * tick + lag
            seen = _seen(mine, at, tick, began, seconds)
            for some in script.batches(seen):
                yield script.prometheus(at, "shop", some)
    for each in mine:
        if each.start >= 0:
            at = each.start * seconds
            now = _moment(began, seconds, each.start)
            alerts = [script.firing(each.labels, each.summary, now, now)]
            yield script.prometheus(at, "shop", alerts, each.say, _urgent(each))
        if each.end <= 1:
            since, over = (_moment(began, seconds, part) for part in (each.start, each.end))
            ended = [script.resolved(each.labels, each.summary, since, over)]
            yield script.prometheus(each.end * seconds, "shop", ended)


def _seen(
    episodes: list[Episode], at: float, tick: float, began: datetime, seconds: float
) -> list[script.Alert]:
    """What a Prometheus sends at this moment: all that fires, and what has just ended."""
    made, now = [], began + timedelta(seconds=at)
    for each in episodes:
        since = _moment(began, seconds, each.start)
        ended = each.end * seconds
        if each.start * seconds <= at < ended:
            made.append(script.firing(each.labels, each.summary, since, now))
        elif ended <= at < ended + SAID_OVER * tick:
            over = _moment(began, seconds, each.end)
            made.append(script.resolved(each.labels, each.summary, since, over))
    return made


def _front(began: datetime, seconds: float) -> Iterator[script.Post]:
    """The Alertmanager of us-1: it says each change once."""
    for each in EPISODES:
        if each.labels["cluster"] in PAIRED:
            continue
        since, over = (_moment(began, seconds, part) for part in (each.start, each.end))
        one = script.firing(each.labels, each.summary, since, since)
        one |= {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
        yield script.alertmanager(each.start * seconds, "shop", [one], each.say, _urgent(each))
        last = script.resolved(each.labels, each.summary, since, over) | {"status": "resolved"}
        yield script.alertmanager(each.end * seconds, "shop", [last])


def _urgent(episode: Episode) -> tuple[script.Labels, ...]:
    """The labels, where the pager must hear of it."""
    labels = episode.labels
    wakes = labels["severity"] == "critical" and labels.get("instance") != _MAINTAINED
    return (labels,) if wakes else ()


def _moment(began: datetime, seconds: float, part: float) -> datetime:
    """A part of the day as a moment; what began before the day began hours ago."""
    return began - _BEFORE if part < 0 else began + timedelta(seconds=part * seconds)
