"""Values as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schemas import parts
from schemas.report import Cell, Unit
from tocsin import i18n

#: So long a text of others may be in one cell.
CELL = 200


def value(found: Cell, unit: Unit | None, locale: str) -> str:
    """A cell or figure; nothing is said to be nothing."""
    if found is None:
        return i18n.say("report.none", locale)
    if isinstance(found, str):
        return visible(found)
    if unit == "seconds":
        return parts.say_duration(timedelta(seconds=round(found)))
    if unit == "share":
        return f"{found * 100:.0f}\N{NO-BREAK SPACE}%"
    return f"{found:.0f}" if float(found).is_integer() else f"{found:g}"


def visible(text: str) -> str:
    """One line without characters that hide or turn."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= CELL else line[: CELL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def moment(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
