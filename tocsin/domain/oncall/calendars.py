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

#: More than this would take too long to unfold.
MAX_EVENTS, MAX_RECURRING = 2000, 50
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=366)
_FOLDED = re.compile(r"\r?\n[ \t]")
_SHOWN = re.compile(r"([0-9]{8})(?:T([0-9]{6}))?", re.ASCII)


def of(
    calendar: Calendar, zone: str, layer: str, since: datetime, until: datetime
) -> Iterator[Shift]:
    """A shift for each event that touches this time and names somebody; they may overlap."""
    meant = dict(calendar.names)
    seen = set()
    for year in range(since.year, until.year + 1):
        for key, said, begins, ends in _year(calendar.text, zone, year):
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
    recurring = sum("RRULE" in event for event in events)
    if not events:
        yield "the calendar has no event", ""
    if len(events) > MAX_EVENTS or recurring > MAX_RECURRING:
        yield f"more than {MAX_EVENTS} events, or {MAX_RECURRING} that recur", ""
        return
    for event in events:
        yield from _problems_of(event, names)


def _problems_of(event: Any, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    where = f"event `{str(event.get('SUMMARY', ''))[:60]}`"
    try:
        begins, ends = event.start, event.end
        # Two moments of one zone subtract by the clock on the wall; here a day does not matter.
        if not timedelta(0) <= _plain(ends) - _plain(begins) <= _LONGEST:
            yield f"{where} ends before it starts, or lasts longer than a year", ""
    except (icalendar.InvalidCalendar, icalendar.IncompleteComponent, ValueError, TypeError) as bad:
        yield f"{where} has no start and end that can be read: {bad}", ""
    said = _said(event)
    if not said:
        yield f"{where} names nobody: write a person into SUMMARY", ""
    for word in said:
        if word not in names:
            yield f"{where} names nobody called `{word[:80]}` in people", word


def _bounded_rules(text: str) -> None:
    """Refuse rules that would take for ever; before the reading, which unfolds those of zones."""
    starts = datetime(2024, 1, 1)
    rules: list[tuple[int, str]] = []
    number = 0
    for raw in _unfolded(text):
        number += 1 + raw.count("\n")
        name, _, value = raw.replace("\n", "").partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "BEGIN":
            starts, rules = datetime(2024, 1, 1), []
        elif name == "DTSTART" and (shown := _SHOWN.match(value.rpartition(":")[2].strip())):
            starts = _shown(shown) or starts
        elif name in ("RRULE", "EXRULE"):
            rules.append((number, value))
        elif name == "END":
            for line, rule in rules:
                try:
                    recurrence.check(rule, starts, ends=True)
                except ValueError as error:
                    raise ValueError(f"line {line} of the calendar: {error}") from None
            rules = []


def _unfolded(text: str) -> list[str]:
    """Lines of content; those that went over several hold a line feed for each."""
    marked = _FOLDED.sub("\x00", text)
    return [line.replace("\x00", "\n") for line in marked.splitlines()]


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


@functools.lru_cache(maxsize=256)
def _year(
    text: str, zone: str, year: int
) -> tuple[tuple[tuple[str, str], tuple[str, ...], datetime, datetime], ...]:
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
