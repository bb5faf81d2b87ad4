"""The next moment of a cron expression, where clocks are put forward and back."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.cron import Cron, parse

#: 29 February comes again after eight years at most, for 2100 has none.
_DAYS = 366 * 9
#: Clocks leap by less than this.
_LEAP = timedelta(hours=3)


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Cron:
    return parse(text)


def following(text: str, zone: str, after: datetime) -> datetime | None:
    """The first moment after `after` at which the clocks of the zone show such a time.

    A time that the clocks leap over comes as much later as they leap; one that they show twice
    comes the first time, but where every hour is meant both times. None: in nine years none comes.
    """
    cron, where = _parsed(text), ZoneInfo(zone)
    local = after.astimezone(where)
    shown = _next_shown(cron, local.replace(tzinfo=None))
    if shown is None:
        return None
    moment = shown.replace(tzinfo=where).astimezone(UTC)
    around = (after - _LEAP, after, moment, moment + _LEAP)
    if len({at.astimezone(where).utcoffset() for at in around}) == 1:
        return moment
    for day in _days(cron, local.date()):
        moments = [at for at in _of_day(cron, day, where) if at > after]
        if moments:
            return min(moments)
    return None


def _next_shown(cron: Cron, after: datetime) -> datetime | None:
    """The next one as clocks show it, where nobody moves them."""
    for day in _days(cron, after.date()):
        for hour in cron.hours:
            for minute in cron.minutes:
                at = (hour, minute)
                if day > after.date() or at > (after.hour, after.minute):
                    return datetime.combine(day, time(*at))
                if hour < after.hour:
                    break
    return None


def _days(cron: Cron, first: date) -> Iterator[date]:
    days = (first + timedelta(days=number) for number in range(_DAYS))
    return (day for day in days if _falls(cron, day))


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
