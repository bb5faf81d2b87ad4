"""Shifts from an iCalendar: each event names the people who are on call while it lasts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from schemas import recurrence
from tocsin.domain.oncall import wall
from tocsin.domain.oncall.parts import Calendar, Shift

#: More than this would take too long to unfold: events, and how often they recur in a year.
MAX_EVENTS, MAX_A_YEAR = 2000, 3000
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
#: (key, what it says, start, end) of each.
Occurrences = tuple[tuple[tuple[str, str], tuple[str, ...], datetime, datetime], ...]
_DAY = timedelta(days=1)
_UNKNOWN = datetime(2024, 1, 1)
_LONGEST, _LONGEST_RECURRING = timedelta(days=366), timedelta(days=31)
_FOLDED = re.compile(r"\r?\n[ \t]")
_SHOWN = re.compile(r"([0-9]{8})(?:T([0-9]{6}))?", re.ASCII)


def of(
    calendar: Calendar, zone: str, layer: str, since: datetime, until: datetime
) -> Iterator[Shift]:
    """A shift for each event that touches this time and names somebody; they may overlap."""
    meant = dict(calendar.names)
    seen = set()
    for year in range(since.year, until.year + 1):
        for key, said, begins, ends in _known(calendar.text, zone, year):
            if key not in seen and begins < until and ends > since:
                seen.add(key)
                people = tuple(dict.fromkeys(meant.get(word, word) for word in said))
                yield Shift(people, begins, ends, layer)


def problems(text: str, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a calendar whose events may use these names: (said, unknown name or "").

    A calendar without problems can be read by `of` in little time.
    """
    try:
        _bounded_rules(text)
        events = _events(_parsed(text))
    except ValueError as error:
        yield str(error), ""
        return
    if not events:
        yield "the calendar has no event", ""
        return
    if len(events) > MAX_EVENTS:
        yield f"more than {MAX_EVENTS} events", ""
        return
    found = [problem for event in events for problem in _problems_of(event, names)]
    yield from found
    if not found:
        yield from _unfolding(text, max(event.start.year for event in events))


def _problems_of(event: Any, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    where = f"event `{str(event.get('SUMMARY', ''))[:60]}`"
    try:
        begins, ends = event.start, event.end
        # By the clock on the wall: here an hour does not matter.
        lasts = _plain(ends) - _plain(begins)
        longest = _LONGEST_RECURRING if "RRULE" in event else _LONGEST
        if not timedelta(0) <= lasts <= longest:
            yield f"{where} ends before it starts, or lasts longer than {longest.days} days", ""
        if not _FIRST_YEAR <= begins.year < _LAST_YEAR:
            yield f"{where} begins before {_FIRST_YEAR} or after {_LAST_YEAR}", ""
        if (zone := _zone(event)) and getattr(begins, "tzinfo", True) is None:
            yield f"{where} is in a time zone that is not known: `{zone[:60]}`", ""
    except (icalendar.InvalidCalendar, icalendar.IncompleteComponent, ValueError, TypeError) as bad:
        yield f"{where} has no start and end that can be read: {bad}", ""
    said = _said(event)
    if not said:
        yield f"{where} names nobody: write a person into SUMMARY", ""
    for word in said:
        if word not in names:
            yield f"{where} names nobody called `{word[:80]}` in people", word


def _zone(event: Any) -> str:
    return str(event["DTSTART"].params.get("TZID", ""))


def _unfolding(text: str, year: int) -> Iterator[tuple[str, str]]:
    """The library knows more of the form than we ask for: better it fails now than at a page."""
    try:
        _year(text, "UTC", year)
    except Exception as error:
        yield f"the calendar cannot be unfolded: {str(error)[:200]}", ""


def _bounded_rules(text: str) -> None:
    """Refuse rules that would take for ever; before the reading, which unfolds those of zones."""
    starts, recurring = _UNKNOWN, 0
    rules: list[tuple[int, str]] = []
    for number, name, value in _lines(text):
        if name == "BEGIN":
            starts, rules = _UNKNOWN, []
        elif name == "DTSTART" and (shown := _SHOWN.match(value.rpartition(":")[2].strip())):
            starts = _shown(shown) or starts
        elif name in ("RRULE", "EXRULE"):
            rules.append((number, value))
        elif name == "RDATE":
            recurring += 1 + value.count(",")
        elif name == "END":
            recurring += sum(_check(line, rule, starts, value) for line, rule in rules)
            rules = []
    if recurring > MAX_A_YEAR:
        raise ValueError(f"events recur more than {MAX_A_YEAR} times a year")


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """(number, name, value) of each line of content; those that went over several are one."""
    after = 1
    for folded in _FOLDED.sub("\0", text).splitlines():
        number, after = after, after + 1 + folded.count("\0")
        name, _, value = folded.replace("\0", "").partition(":")
        yield number, name.partition(";")[0].strip().upper(), value


def _check(line: int, rule: str, starts: datetime, component: str) -> int:
    """How often a year an event recurs by a rule. Raises ValueError."""
    of_zone = component.strip().upper() in ("STANDARD", "DAYLIGHT")
    try:
        if of_zone and "FREQ=YEARLY" not in rule.upper():
            raise ValueError("a zone changes its clocks by FREQ=YEARLY")
        # Zones may begin in 1601.
        recurrence.check(rule, starts.replace(year=2000) if of_zone else starts, ends=True)
    except ValueError as error:
        raise ValueError(f"line {line} of the calendar: {error}") from None
    return 0 if of_zone else recurrence.a_year(rule)


def _shown(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.strptime(found[1] + (found[2] or "000000"), "%Y%m%d%H%M%S")
    except ValueError:
        return None


def _parsed(text: str) -> Any:
    try:
        return icalendar.Calendar.from_ical(text.strip())
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"not an iCalendar: {str(error)[:200]}") from None


def _events(calendar: Any) -> list[Any]:
    return [event for event in calendar.walk("VEVENT") if event.get("STATUS") != "CANCELLED"]


def _said(event: Any) -> tuple[str, ...]:
    """What the event calls the people: addresses of those who attend, else its summary."""
    attending = event.get("ATTENDEE", [])
    every = attending if isinstance(attending, list) else [attending]
    words = [str(each).strip().lower().removeprefix("mailto:") for each in every]
    if not words:
        words = [part.strip().lower() for part in str(event.get("SUMMARY", "")).split(",")]
    return tuple(dict.fromkeys(word for word in words if word))


def _known(text: str, zone: str, year: int) -> Occurrences:
    try:
        return _year(text, zone, year)
    except Exception:
        # It was tried when the policy was applied. If it fails all the same, the layers below say
        # who is on call; else nobody would be paged.
        return ()


@functools.lru_cache(maxsize=256)
def _year(text: str, zone: str, year: int) -> Occurrences:
    """All events that touch a year, with a key that is the same in each year that they touch."""
    since, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    query = recurring_ical_events.of(_parsed(text))
    found = []
    for event in query.between(since - 2 * _DAY, until + 2 * _DAY):
        said = _said(event)
        begins, ends = _moment(event.start, zone), _moment(event.end, zone)
        if said and begins < ends and event.get("STATUS") != "CANCELLED":
            key = (str(event.get("UID", "")), begins.isoformat() + " ".join(said))
            found.append((key, said, begins, ends))
    return tuple(sorted(found, key=lambda each: (each[2], each[0])))


def _moment(shown: date | datetime, zone: str) -> datetime:
    """Days and times without a zone are those of the layer."""
    if not isinstance(shown, datetime):
        return wall.moment(zone, shown, 0)
    return wall.read(zone, shown) if shown.tzinfo is None else shown.astimezone(UTC)


def _plain(shown: date | datetime) -> datetime:
    if isinstance(shown, datetime):
        return shown.replace(tzinfo=None)
    return datetime(shown.year, shown.month, shown.day)
