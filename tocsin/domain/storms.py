"""Storms: when so many new alerts come that they are told together, what they share, who is told.

Counting is a bucket that holds `threshold` alerts and runs empty in one `window`; what makes it
overflow begins a storm. So in any stretch of time t at most

    threshold * (1 + t / window)

new alerts come without one. While a storm lasts the bucket is half as large and runs empty as
slowly: it stands still where less than half of the threshold comes. One contact hears of a storm
at most

    1 + ceil(duration / page_interval) + 1

times: when it begins, each interval while there is news, at its end. See docs/storms.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from schemas.alert import Status
from schemas.storms import Storms

#: Pairs of label and value that are counted; of more, those that are most frequent.
KEPT = 200
#: So much of a value is counted and shown.
LONGEST = 100
#: What so large a part of the alerts shares is worth saying; so many of these in one line.
WORTH, SAID = 0.3, 3
#: A storm whose next message is so late is not obeyed any more: alerts are told as without it.
GRACE = timedelta(seconds=60)
#: Kinds of changes that bring something new; what was sent round does so where it joins a group.
_NEW, _ROUND = frozenset({"new", "refired"}), "rerouted"

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Meter:
    """How much came lately; `alerts` and `pairs` since the bucket was empty last (`since`)."""

    at: datetime
    level: float = 0.0
    #: When more than half of the threshold last came, in a storm.
    loud_at: datetime | None = None
    since: datetime | None = None
    alerts: int = 0
    pairs: Mapping[Pair, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of the alerts have this label with this value; `part` is from 0 to 1."""

    name: str
    value: str
    alerts: int
    part: float


def counts(kind: str, status: Status, *, known: bool) -> bool:
    """Whether a change brings something new; `known`: its group had the alert already."""
    return status == "firing" and (kind in _NEW or (kind == _ROUND and not known))


def rise(
    meter: Meter | None, rules: Storms, new: Sequence[Mapping[str, str]], now: datetime, *,
    under_way: bool,
) -> tuple[Meter, bool]:  # fmt: skip
    """The meter after alerts with these labels came; True where they begin a storm."""
    before = meter or Meter(now)
    room = rules.threshold / 2 if under_way else float(rules.threshold)
    gone = max(now - before.at, timedelta(0)) / rules.window * room
    level = max(0.0, before.level - gone)
    if not under_way and level == 0:
        before = Meter(now)
    begins = not under_way and level + len(new) > room
    loud = begins or (under_way and level + len(new) > room)
    return Meter(
        at=max(now, before.at),
        level=min(level + len(new), rules.threshold / 2 if loud else room),
        loud_at=now if loud else before.loud_at,
        since=before.since or now,
        alerts=before.alerts + len(new),
        pairs=_added(before.pairs, new),
    ), begins


def _added(pairs: Mapping[Pair, int], new: Iterable[Mapping[str, str]]) -> dict[Pair, int]:
    """With these counted; never too many, and too few only of pairs that were rare for a time."""
    found = Counter(pairs)
    for labels in new:
        found.update((name, value[:LONGEST]) for name, value in labels.items())
    if len(found) <= KEPT:
        return dict(found)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:KEPT])


def shares(pairs: Mapping[Pair, int], alerts: int, most: int = KEPT) -> list[Share]:
    """What the alerts have in common, the most frequent first."""
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:most]
    total = max(alerts, 1)
    return [Share(*pair, n, min(1.0, n / total)) for pair, n in ordered]


def said(pairs: Mapping[Pair, int], alerts: int) -> list[Share]:
    """The few of these that one line has room for; no label twice."""
    found: dict[str, Share] = {}
    for share in shares(pairs, alerts):
        if share.part >= WORTH:
            found.setdefault(share.name, share)
    return list(found.values())[:SAID]


def over_at(loud_at: datetime, rules: Storms) -> datetime:
    """When it ends if no more comes than did lately."""
    return loud_at + rules.calm


def obeyed(due_at: datetime, now: datetime) -> bool:
    """Whether alerts may be held back for it: not where its own messages do not come."""
    return now < due_at + GRACE


@dataclass(frozen=True, slots=True)
class Listener:
    """A receiver some of whose alerts were folded, and what it heard of the storm.

    `folded` of its alerts are in it, `heard` of them when it was last told (at `told_at`).
    """

    receiver: str
    folded: int
    heard: int = 0
    told_at: datetime | None = None


def to_tell(
    listeners: Iterable[Listener], rules: Storms, now: datetime, *, over: bool, acknowledged: bool
) -> list[str]:
    """Who is told of the storm now."""
    return [
        each.receiver
        for each in listeners
        if each.folded and (over or _is_due(each, rules, now, acknowledged))
    ]


def _is_due(each: Listener, rules: Storms, now: datetime, acknowledged: bool) -> bool:
    if each.told_at is None:
        return True
    if acknowledged or rules.digest == "end" or each.folded <= each.heard:
        return False
    return each.told_at + rules.page_interval <= now


def next_look(
    listeners: Iterable[Listener], rules: Storms, loud_at: datetime, now: datetime
) -> datetime:
    """When to look again, where all that was due was told."""
    intervals = [each.told_at + rules.page_interval for each in listeners if each.told_at]
    ahead = [at for at in (*intervals, over_at(loud_at, rules)) if at > now]
    return min(ahead, default=now + rules.page_interval)


def bound(rules: Storms, duration: timedelta, critical_groups: int) -> int:
    """So many messages, but not more, one contact gets of what a storm brings while it lasts."""
    return 1 + math.ceil(duration / rules.page_interval) + 1 + critical_groups


Phase = Literal["under way", "over", "told", "closed"]


def phase(
    ended_at: datetime | None, digest_at: datetime | None, closed_at: datetime | None
) -> Phase:
    """How far a storm is: over, its digest told, and nothing of it left."""
    if closed_at is not None:
        return "closed"
    if ended_at is None:
        return "under way"
    return "over" if digest_at is None else "told"
