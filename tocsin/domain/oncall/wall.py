"""From the clock on the wall to moments.

A time that exists twice, because the clock was put back, is the first of the two. A time that the
clock jumps over is the moment of the jump. So later times never come before earlier ones, and a
day that a place left out (Samoa, 2011-12-30) is no length of time.
"""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def moment(zone: str, day: date, minutes: int) -> datetime:
    """This many minutes after midnight, as the clock shows it; 1440 and more: the next day."""
    return read(zone, datetime(day.year, day.month, day.day) + timedelta(minutes=minutes))


@functools.lru_cache(maxsize=16_384)
def read(zone: str, shown: datetime) -> datetime:
    """The moment, in UTC, at which the clock shows this."""
    place = ZoneInfo(zone)
    found = shown.replace(tzinfo=place).astimezone(UTC)
    if found.astimezone(place).replace(tzinfo=None, fold=0) == shown:
        return found
    return _jump(place, shown.replace(tzinfo=place, fold=1).astimezone(UTC), found)


def day(zone: str, at: datetime) -> date:
    """The day that it is there."""
    return at.astimezone(ZoneInfo(zone)).date()


def _jump(place: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of the new offset, which lies after `before` and not after `after`."""
    offset = after.astimezone(place).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(place).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
