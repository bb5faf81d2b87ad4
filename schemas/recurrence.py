"""Recurrence rules of RFC 5545, as far as hand-offs and shifts need them; all end soon."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from dateutil import rrule

#: Rules by the hour or finer make millions of moments; `every: 12h` says hours.
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_PARTS = ("FREQ", "INTERVAL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO",
          "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS", "WKST")  # fmt: skip
_ENDS = ("COUNT", "UNTIL")
_LONGEST = 500
_FORMS = {
    "COUNT": re.compile(r"[1-9][0-9]{0,5}", re.ASCII),
    "UNTIL": re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?", re.ASCII),
}
_INTERVAL = re.compile(r"0*[1-9][0-9]{0,2}", re.ASCII)
#: So many times a day at most.
_TIMES = 8
#: After so long without the first moment a rule counts as one that has none.
_PATIENCE = timedelta(days=30 * 366)
#: Weekdays and leap years repeat after so many years.
_CYCLE = 400
_LAST_YEAR = 9999


def check(text: str, starts: datetime, *, ends: bool = False) -> None:
    """Raises ValueError that says what is wrong; `ends`: whether COUNT and UNTIL may stand there.

    After it `moments` of this rule ends soon for any time near `starts`.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"the rule is longer than {_LONGEST} characters")
    parts = _parts(text)
    _known(parts, ends)
    _bounded(parts)
    _some(parts, starts)


def a_year(text: str) -> int:
    """About how many moments a checked rule has in a year, rather too many than too few."""
    parts = _parts(text)
    per = {"DAILY": 366, "WEEKLY": 53 * _count(parts, "BYDAY"),
           "MONTHLY": 12 * max(_count(parts, "BYMONTHDAY"), 5 * _count(parts, "BYDAY")),
           "YEARLY": 366 if any(key.startswith("BY") for key in parts) else 1}  # fmt: skip
    times = _count(parts, "BYHOUR") * _count(parts, "BYMINUTE")
    return min(per[parts["FREQ"]], 366) * times // int(parts.get("INTERVAL", "1")) + 1


def moments(text: str, starts: datetime, until: datetime) -> tuple[datetime, ...]:
    """When a checked rule says, from `starts` to before `until`; without zones, as clocks show."""
    found = []
    for moment in rrule.rrulestr(text, dtstart=starts):
        if moment >= until:
            break
        found.append(moment)
    return tuple(found)


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.strip().rstrip(";").split(";"):
        key, equals, value = part.partition("=")
        key = key.strip().upper()
        if not equals or not value.strip():
            raise ValueError(f"not a rule: `{part[:40]}` is not of the form KEY=value")
        if key in found:
            raise ValueError(f"{key} stands there twice")
        found[key] = value.strip().upper()
    return found


def _known(parts: dict[str, str], ends: bool) -> None:
    for key in parts:
        if key in _ENDS and not ends:
            raise ValueError(f"{key} would end the rotation for good: leave it out")
        if key not in (*_PARTS, *_ENDS):
            raise ValueError(f"{key[:40]} is not known here: there is {', '.join(_PARTS)}")
    frequency = parts.get("FREQ")
    if frequency not in _FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(_FREQUENCIES)}")


def _bounded(parts: dict[str, str]) -> None:
    interval = parts.get("INTERVAL", "1")
    if not _INTERVAL.fullmatch(interval):
        raise ValueError("INTERVAL must be a number from 1 to 999")
    for key, form in _FORMS.items():
        if key in parts and not form.fullmatch(parts[key]):
            raise ValueError(f"{key} is not of the form that RFC 5545 wants: {parts[key][:40]}")
    if parts.get("BYSECOND", "0").strip("0") != "":
        raise ValueError("BYSECOND can only be 0")
    times = _count(parts, "BYHOUR") * _count(parts, "BYMINUTE")
    if times > _TIMES:
        raise ValueError(f"BYHOUR and BYMINUTE make {times} times a day: {_TIMES} at most")


def _count(parts: dict[str, str], key: str) -> int:
    return len(parts.get(key, "").split(","))


def _some(parts: dict[str, str], starts: datetime) -> None:
    """That there is a first moment. A rule without any is searched up to the year 9999, which takes
    long; so it is asked close to that end, where the calendar is the same."""
    asked = ";".join(f"{key}={value}" for key, value in parts.items() if key not in _ENDS)
    cycles, left = divmod(_LAST_YEAR - starts.year, _CYCLE)
    if left < _PATIENCE.days // 366 + 1:
        cycles -= 1
    late = starts.replace(year=starts.year + cycles * _CYCLE)
    try:
        first = next(iter(rrule.rrulestr(asked, dtstart=late)), None)
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a rule of RFC 5545: {error}") from None
    if first is None or first - late > _PATIENCE:
        raise ValueError("there is no day on which this rule holds")
