"""Moments as people read them: to the minute, on the clock of somebody who is named with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


def shown(moment: str | None, zone: str) -> str | None:
    """`2026-12-24 03:07 Europe/Berlin`; the offset beside it where a clock shows it twice."""
    if not moment:
        return None
    there = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{there:%Y-%m-%d %H:%M%z} {zone}" if twice else f"{there:%Y-%m-%d %H:%M} {zone}"


def told(row: Mapping[str, Any], names: Iterable[str], zone: str) -> dict[str, Any]:
    """The row with these of its moments on that clock."""
    return {**row, **{name: shown(row.get(name), zone) for name in names}}
