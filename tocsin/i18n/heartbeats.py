"""What is said of heartbeats: what is wrong, and what was last heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from schemas.parts import say_duration
from tocsin import i18n
from tocsin.domain.heartbeats import Cause, Rhythm


def summary(name: str, cause: Cause, row: Mapping[str, Any], locale: str) -> str:
    """What people read first."""
    if cause == "failed" and row["last_status"]:
        return i18n.say("heartbeat.status", locale, name=name, status=row["last_status"])
    return i18n.say(f"heartbeat.{cause}", locale, name=name)


def last(row: Mapping[str, Any], rhythm: Rhythm, locale: str) -> str:
    """Who pinged last, from where and when, and what is expected."""
    wanted = expected(rhythm, locale)
    if row["last_at"] is None:
        return i18n.say("heartbeat.never", locale, expected=wanted)
    at = row["last_at"].astimezone(ZoneInfo(rhythm.zone)).strftime("%Y-%m-%d %H:%M")
    by = row["last_from"] or i18n.say("heartbeat.unknown", locale)
    if row["last_agent"]:
        by = f"{by} ({row['last_agent']})"
    zone = rhythm.zone
    return i18n.say("heartbeat.last", locale, at=at, zone=zone, by=by, expected=wanted)


def expected(rhythm: Rhythm, locale: str) -> str:
    """The rhythm in words."""
    grace = say_duration(rhythm.grace)
    if rhythm.every is not None:
        every = say_duration(rhythm.every)
        return i18n.say("heartbeat.every", locale, every=every, grace=grace)
    return i18n.say("heartbeat.cron", locale, cron=rhythm.cron, zone=rhythm.zone, grace=grace)
