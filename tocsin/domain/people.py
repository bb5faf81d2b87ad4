"""By what a person is told, and when: pure, exact over changes of the clock."""

from __future__ import annotations

import dataclasses
import hashlib
import zoneinfo
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from schemas.people import Person, QuietHours, Urgency, Way
from tocsin.domain.policy import Integration, contact_key

#: Hours that have not ended after so long never do: each day of a week has been seen.
_FOREVER = timedelta(days=8)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


#: Confirmed with a code; alive, for a message arrived or it answered; or neither.
Standing = Literal["verified", "seen", "unverified"]


@dataclass(frozen=True, slots=True)
class Page:
    """One way in which a person is told: not before `due_at`.

    `held_until`: the end of the quiet hours that the page waits for, if it does.
    """

    integration: Integration
    due_at: datetime
    held_until: datetime | None = None


def pages(
    person: Person, urgency: Urgency, contacts: Mapping[str, Integration], now: datetime
) -> list[Page]:
    """How the person is told if a page begins now, the soonest first; empty: in no way at all.

    A page that quiet hours hold begins when they are over, and what follows it keeps its distance.
    """
    until = held_until(person, urgency, now)
    found = []
    for integration, after in _ways(person, urgency, contacts):
        due = (until or now) + after
        again = held_until(person, urgency, due)
        found.append(Page(integration, again or due, again or until))
    return sorted(found, key=lambda page: page.due_at)


def ways(person: Person, contacts: Mapping[str, Integration]) -> list[Integration]:
    """All the ways in which the person can be told, in the order of the accounts."""
    mine = contact_key(person.name, "")
    return [one for key, one in contacts.items() if key.startswith(mine)]


def rule_ways(
    person: Person, urgency: Urgency, contacts: Mapping[str, Integration]
) -> list[Integration]:
    """The ways that the person's rules for such pages name, in their order, each once."""
    rules: list[Way] = getattr(person.notify, urgency)
    keys = dict.fromkeys(contact_key(person.name, way.by) for way in rules)
    return [contacts[key] for key in keys if key in contacts]


def held_until(person: Person, urgency: Urgency, at: datetime) -> datetime | None:
    """The end of the quiet hours of such pages, with all that adjoin; None: not held.

    Hours that never end hold nothing: a page that is never sent is lost.
    """
    hours = [each for each in person.quiet if urgency == "default" or each.important]
    zone = zoneinfo.ZoneInfo(person.zone)
    end = at
    while (later := _end(hours, zone, end)) is not None:
        end = later
        if end - at > _FOREVER:
            return None
    return end if end > at else None


def endless(person: Person, urgency: Urgency, at: datetime) -> bool:
    """Whether the quiet hours never end, so that they hold nothing."""
    hours = [each for each in person.quiet if urgency == "default" or each.important]
    zone = zoneinfo.ZoneInfo(person.zone)
    return _end(hours, zone, at) is not None and held_until(person, urgency, at) is None


def address(person: Person, integration: Integration) -> str | None:
    """The address of the person that this way leads to."""
    contact = getattr(integration.settings, "CONTACT", None)
    found = getattr(person, contact.kind, None) if contact else None
    return found if isinstance(found, str) else None


def digest(text: str) -> str:
    """By what an address, or a code with its context, is known again without being kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def standing(
    known: Sequence[Mapping[str, Any]], integration: Integration, digest: str
) -> Standing:  # fmt: skip
    """Whether an address was confirmed, or at least seen alive; `known`: rows of the person.

    What is known of another address that they had says nothing about this one.
    """
    for row in known:
        if row["channel"] == integration.channel and row["address_hash"] == digest:
            return "verified" if row["verified_at"] else "seen" if row["seen_at"] else "unverified"
    return "unverified"


def first_moment(zone: zoneinfo.ZoneInfo, day: date, minutes: int) -> datetime:
    """When the clock there first shows this time of this day, or jumps over it; in UTC."""
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
    found = wanted.replace(tzinfo=zone).astimezone(UTC)
    if _shown(found, zone) == wanted:
        return found
    # The clock jumps over it. Read with the offset after the jump it lies before the jump.
    before = wanted.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = sorted((before, found))
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if _shown(middle, zone) >= wanted else (middle, high)
    return high


def _shown(at: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _ways(
    person: Person, urgency: Urgency, contacts: Mapping[str, Integration]
) -> Iterator[tuple[Integration, timedelta]]:
    """What the rules say, without what is not there; where they leave nothing, all at once."""
    rules: list[Way] = getattr(person.notify, urgency)
    times: Counter[str] = Counter()
    for by, after in dict.fromkeys((way.by, way.after) for way in rules):
        key = contact_key(person.name, by)
        if key in contacts:
            times[key] += 1
            yield _again(contacts[key], times[key]), after
    if not times:
        yield from ((one, timedelta(0)) for one in ways(person, contacts))


def _again(integration: Integration, times: int) -> Integration:
    """The second use of a way has a line of its own: one line holds one pending delivery."""
    if times == 1:
        return integration
    return dataclasses.replace(integration, key=f"{integration.key}/{times}")


def _end(
    hours: Sequence[QuietHours], zone: zoneinfo.ZoneInfo, at: datetime
) -> datetime | None:  # fmt: skip
    """The latest end of those hours in which this moment lies; None: it lies in none."""
    today = at.astimezone(zone).date()
    ends = [
        end
        for each in hours
        # A clock that is set back over midnight is on the day before after it was on this one.
        for day in (today + timedelta(days=n) for n in (-2, -1, 0, 1))
        for start, end in [_span(each, zone, day)]
        if start <= at < end
    ]
    return max(ends, default=None)


def _span(
    hours: QuietHours, zone: zoneinfo.ZoneInfo, day: date
) -> tuple[datetime, datetime]:  # fmt: skip
    """These hours as they begin on this day; without length where they do not."""
    start = first_moment(zone, day, _minutes(hours.from_))
    if hours.days and _WEEKDAYS[day.weekday()] not in hours.days:
        return start, start
    past_midnight = _minutes(hours.to) <= _minutes(hours.from_)
    end = first_moment(zone, day, _minutes(hours.to) + 24 * 60 * past_midnight)
    return start, end


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
