"""When a report is due, and which time it is about: by the wall clock of its zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.people import Weekday
from schemas.reporting import Cadence

_WEEKDAYS: tuple[Weekday, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
UNKNOWN = (
    "no such period: write last-day, last-week, last-month, this-day, this-week, this-month, or"
    " two days such as 2026-11-01/2026-11-08"
)
#: A report over more would read more than a transaction has time for.
LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often something is due, at which time of which day."""

    every: Cadence
    at: time
    zone: str
    weekday: Weekday = "monday"
    day: int = 1


@dataclass(frozen=True, slots=True)
class Period:
    """From `starts_at` to before `ends_at`; its days begin where they do in `zone`."""

    starts_at: datetime
    ends_at: datetime
    zone: str


def following(rhythm: Rhythm, after: datetime) -> datetime:
    """The first moment after `after` at which it is due.

    A time that the day of a change lacks is due when the clock has moved on; one that it has twice
    is due the first time.
    """
    zone = ZoneInfo(rhythm.zone)
    day = after.astimezone(zone).date() - timedelta(days=1)
    while True:
        moment = _moment(day, rhythm.at, zone)
        if moment > after and _falls(rhythm, day):
            return moment
        day += timedelta(days=1)


def period(every: Cadence, moment: datetime, zone: str) -> Period:
    """The last whole day, week (from Monday) or month before this moment."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    begins = _begin(every, today)
    return between(_begin(every, begins - timedelta(days=1)), begins, zone)


def named(text: str, moment: datetime, zone: str) -> Period:
    """The period that somebody asked for. Raises ValueError that says what to write."""
    which, _, unit = text.partition("-")
    cadences: dict[str, Cadence] = {"day": "daily", "week": "weekly", "month": "monthly"}
    if which == "last" and unit in cadences:
        return period(cadences[unit], moment, zone)
    if which == "this" and unit in cadences:
        begins = _begin(cadences[unit], moment.astimezone(ZoneInfo(zone)).date())
        return Period(_moment(begins, time(0), ZoneInfo(zone)), moment.astimezone(UTC), zone)
    first, _, last = text.partition("/")
    try:
        found = between(date.fromisoformat(first), date.fromisoformat(last), zone)
    except ValueError:
        raise ValueError(UNKNOWN) from None
    if not timedelta(0) < found.ends_at - found.starts_at <= LONGEST:
        raise ValueError("a period ends after it begins, and is no longer than 366 days")
    return found


def between(first: date, last: date, zone: str) -> Period:
    """From the beginning of `first` to the beginning of `last`."""
    where = ZoneInfo(zone)
    return Period(_moment(first, time(0), where), _moment(last, time(0), where), zone)


def days(of: Period) -> list[date]:
    """The days that a period touches, in order."""
    zone = ZoneInfo(of.zone)
    day = of.starts_at.astimezone(zone).date()
    last = (of.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    found = []
    while day <= last:
        found.append(day)
        day += timedelta(days=1)
    return found


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """In UTC, so that differences are true ones."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def _falls(rhythm: Rhythm, day: date) -> bool:
    if rhythm.every == "weekly":
        return _WEEKDAYS[day.weekday()] == rhythm.weekday
    return rhythm.every == "daily" or day.day == rhythm.day


def _begin(every: Cadence, day: date) -> date:
    if every == "weekly":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "monthly" else day
