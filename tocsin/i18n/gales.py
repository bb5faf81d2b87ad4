"""Storms said for people: what they are called, and what a message notes about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from tocsin import i18n
from tocsin.domain import storms
from tocsin.domain.policy import Policy

#: As long as a title may be.
LONGEST = 200


def locale(policy: Policy | None) -> str:
    """The languages of a tenant, the best first."""
    return policy.locale if policy else i18n.FALLBACK


def title(
    alerts: int, lasted: timedelta, shared: Sequence[storms.Share], locale: str = i18n.FALLBACK
) -> str:
    """`Storm: 412 alerts in 3 min, 92 % cluster=eu1, 61 % alertname=NodeDown`."""
    many, time = i18n.say("storm.alerts", locale, n=alerts), span(lasted)
    if not shared:
        return i18n.say("storm.named", locale, alerts=many, time=time)
    said = shares(shared, locale)
    return i18n.say("storm.named_shared", locale, alerts=many, time=time, shares=said)[:LONGEST]


def shares(shared: Iterable[storms.Share], locale: str = i18n.FALLBACK) -> str:
    """`92 % cluster=eu1, 61 % alertname=NodeDown`; never 100 % of what not all have."""
    return ", ".join(
        i18n.say("storm.share", locale, part=int(each.part * 100), name=each.name, value=each.value)
        for each in shared
    )


def span(lasted: timedelta) -> str:
    """`40 s`, `3 min`, `2 h`: the last number of it that is not 0."""
    seconds = max(1, round(lasted.total_seconds()))
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def notes(
    heard: Mapping[str, Any], groups: Iterable[Mapping[str, Any]], locale: str = i18n.FALLBACK
) -> list[str]:
    """How much of it is the reader's, and the groups with most alerts."""
    said = [
        i18n.say("storm.groups", locale, n=heard["groups"]),
        i18n.say("storm.mine", locale, n=heard["folded"], receiver=heard["receiver"]),
    ]
    return said + [f"{named(row)}: {standing(row, locale)}" for row in groups]


def named(row: Mapping[str, Any]) -> str:
    """A group by its labels."""
    labels = orjson.loads(row["labels"])
    return ", ".join(f"{name}={value}" for name, value in labels.items()) or row["route"]


def standing(row: Mapping[str, Any], locale: str = i18n.FALLBACK) -> str:
    """What became of a group of a storm."""
    if row["promoted_at"] is not None:
        return i18n.say("storm.promoted", locale, by=row["promoted_by"] or "")
    if row["passed_at"] is not None:
        return i18n.say("storm.passed", locale)
    return i18n.say("storm.told", locale, alerts=i18n.say("storm.alerts", locale, n=row["alerts"]))
