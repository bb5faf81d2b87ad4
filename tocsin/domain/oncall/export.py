"""Shifts as an iCalendar, which a `Calendar` reads again as the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import icalendar

from tocsin.domain.oncall.parts import Shift

#: How often programs should ask for it anew.
_FRESH = "PT1H"


def calendar(name: str, shifts: Iterable[Shift], now: datetime) -> bytes:
    """An event for each shift. One that did not change keeps its UID, whenever it is made."""
    made = icalendar.Calendar()
    made.add("prodid", "-//Tocsin//on call//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", icalendar.vText(name))
    made.add("x-published-ttl", _FRESH)
    for shift in shifts:
        event = icalendar.Event()
        event.add("uid", uid(name, shift))
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", shift.starts_at)
        event.add("dtend", shift.ends_at)
        event.add("summary", ", ".join(shift.people))
        event.add("description", f"{name}: {shift.layer or 'override'}")
        made.add_component(event)
    return bytes(made.to_ical())


def uid(name: str, shift: Shift) -> str:
    """The same for the same people from the same moment on, and for nothing else."""
    said = [name, shift.layer or "", shift.starts_at.astimezone(UTC).isoformat(), *shift.people]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()[:32] + "@tocsin"
