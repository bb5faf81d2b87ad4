"""What a valid policy may still get wrong, said for people."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tocsin import i18n
from tocsin.domain import doubts


def sentence(doubt: doubts.Doubt, locale: str = "en") -> str:
    """What is doubtful and what to do about it; times as the schedule shows them."""
    if doubt.kind != "hole":
        return i18n.say(f"doubts.{doubt.kind}", locale, name=doubt.name)
    said = i18n.say(
        "doubts.hole", locale, step=doubt.step, name=doubt.name, schedule=doubt.schedule,
        since=_clock(doubt.starts_at, doubt.zone), until=_clock(doubt.ends_at, doubt.zone),
        zone=doubt.zone,
    )  # fmt: skip
    return f"{said} {i18n.say('doubts.more', locale, n=doubt.more)}" if doubt.more else said


def _clock(moment: datetime | None, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if moment else ""
