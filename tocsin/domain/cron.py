"""The next moment of a cron expression, where clocks are put forward and back."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.cron import Cron, parse

#: 29 February comes again after eight years at most, for 2100 has none.
_DAYS = 366 * 9


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Cron:
    return parse(text)


def following(text: str, zone: str, after: datetime) -> datetime | None:
    """The first moment after `after` at which the clocks of the zone show such a time.

    A time that the clocks leap over comes as much later as they leap; one that they show twice
    comes the first time, but where every hour is meant both times. None: in nine years none comes.
    """
    cron, where = _parsed(text), ZoneInfo(zone)
    day = after.astimezone(where).date()
    for number in range(_DAYS):
        on = day + timedelta(days=number)
        if _falls(cron, on):
            moment = min((at for at in _of_day(cron, on, where) if at > after), default=None)
            if moment is not None:
                return moment
    return None


def _falls(cron: Cron, day: date) -> bool:
    if day.month not in cron.months:
        return False
    weekday = (day.weekday() + 1) % 7 in cron.weekdays
    if cron.either:
        return weekday or day.day in cron.days
    return weekday and day.day in cron.days


def _of_day(cron: Cron, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    for hour in cron.hours:
        for minute in cron.minutes:
            for fold in (0, 1) if cron.each_hour else (0,):
                # Python takes a time that is leapt over as if the clocks had not leapt.
                shown = datetime.combine(day, time(hour, minute, fold=fold), zone)
                yield shown.astimezone(UTC)
