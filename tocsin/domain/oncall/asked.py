"""Moments as people ask for them: `2026-12-24 03:00`, `24 03:00`, `saturday 03:00`, `03:00`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from tocsin.domain.oncall import wall

_DAY = timedelta(days=1)
#: Within so many days each day of the month comes, the 31st too.
_MONTHS = 63
_SHORT = re.compile(
    r"(?:(?:(?P<day>[0-9]{1,2})(?:st|nd|rd|th|\.)?|(?P<weekday>[a-z]{3,9}))\s+)?"
    r"(?P<hours>[01]?[0-9]|2[0-3]):(?P<minutes>[0-5][0-9])",
    re.ASCII,
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read(text: str, zone: str, now: datetime) -> datetime:
    """The moment in UTC; without a zone of its own, as the clocks of this zone show.

    Short forms mean the next such time from now on. Raises ValueError that says what to write.
    """
    text = text.strip()
    if short := _SHORT.fullmatch(text.lower()):
        return _next(short, zone, now)
    try:
        if len(text) < 10:
            raise ValueError
        found = datetime.fromisoformat(text)
        known = found.tzinfo is not None
        return found.astimezone(UTC) if known else wall.read(zone, found.replace(fold=0))
    except (ValueError, OverflowError):
        raise ValueError(
            "not a time: write it like 2026-12-24T03:00:00Z, 2026-12-24 03:00, `24 03:00`,"
            " `saturday 03:00` or 03:00"
        ) from None


def _next(short: re.Match[str], zone: str, now: datetime) -> datetime:
    minutes = int(short["hours"]) * 60 + int(short["minutes"])
    today = wall.day(zone, now)
    for ahead in range(_MONTHS):
        found = wall.moment(zone, today + ahead * _DAY, minutes)
        if found >= now and _fits(short, today + ahead * _DAY):
            return found
    raise ValueError("there is no such day: name one from 1 to 31, or a day of the week")


def _fits(short: re.Match[str], day: date) -> bool:
    if short["day"]:
        return day.day == int(short["day"])
    weekday = short["weekday"]
    return weekday is None or _WEEKDAYS[day.weekday()].startswith(weekday)
