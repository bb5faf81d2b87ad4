"""Other ways that were taken for pages, said for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from tocsin import i18n

#: What the kinds of lines that fail-over adds to the story of an incident begin with.
KIND = "failover_"


def channel(name: str, locale: str = i18n.FALLBACK) -> str:
    """How people call a channel; one that was added has its own name."""
    if not i18n.knows(f"failover.channel.{name}"):
        return name
    return i18n.say(f"failover.channel.{name}", locale)


def instead(row: Mapping[str, Any], locale: str, zone: str) -> str:
    """`by SMS, because Slack does not answer since 03:07`; empty for what stands in for nothing."""
    facts = orjson.loads(row["instead"]) if row.get("instead") else None
    if not facts:
        return ""
    since = datetime.fromisoformat(facts["since"]).astimezone(ZoneInfo(zone))
    said = f"{since:%H:%M}" if zone != "UTC" else f"{since:%H:%M} UTC"
    lost = channel(facts["channel"], locale)
    return i18n.say(
        f"failover.because.{facts['why']}", locale, way=channel(row["channel"], locale),
        lost=lost, since=said,
    )  # fmt: skip


def story(kind: str, detail: Mapping[str, Any], locale: str = i18n.FALLBACK) -> str:
    """The sentence for a line of the story of an incident."""
    return i18n.say(
        f"failover.story.{kind.removeprefix(KIND)}", locale, told=detail.get("told", ""),
        to=channel(str(detail.get("to", "")), locale), cause=detail.get("cause", ""),
        lost=channel(str(detail.get("channel", "")), locale), name=detail.get("escalation", ""),
        destination=detail.get("destination", ""),
    )  # fmt: skip
