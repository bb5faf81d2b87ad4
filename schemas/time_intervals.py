"""Time intervals as Alertmanager's users write them: times, days, months, years, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from schemas.parts import Name, Written
from schemas.people import Clock, Zone

#: From Sunday, as Alertmanager counts.
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
          "october", "november", "december")  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]{1,4}", re.ASCII)
_DAYS_OF_WEEK = {name: number for number, name in enumerate(WEEKDAYS)}
_NAMED_MONTHS = {name: number for number, name in enumerate(MONTHS, 1)}


def weekdays(text: str) -> tuple[int, int]:
    """`monday:friday` or `sunday`, as numbers from Sunday on. Raises ValueError."""
    first, last = _ends(text, _DAYS_OF_WEEK, "a day of the week, such as monday")
    if last < first:
        raise ValueError(f"`{text}` ends before it begins, for weeks begin on Sunday: write two")
    return first, last


def days_of_month(text: str) -> tuple[int, int]:
    """`1:5`, `15` or `-3:-1`; what is below zero counts from the end. Raises ValueError."""
    first, last = _ends(text, {}, "a day of the month, 1 to 31 or -31 to -1")
    for day in (first, last):
        if not 1 <= abs(day) <= 31:
            raise ValueError(f"`{text}`: a day of the month is 1 to 31 or -31 to -1")
    if first < 0 < last:
        raise ValueError(f"`{text}`: what begins at the end of the month must end there too")
    # In the longest month; in a shorter one it is cut.
    if (last if last > 0 else last + 32) < (first if first > 0 else first + 32):
        raise ValueError(f"`{text}` ends before it begins")
    return first, last


def months(text: str) -> tuple[int, int]:
    """`january:march`, `1:3` or `5`. Raises ValueError."""
    first, last = _ends(text, _NAMED_MONTHS, "a month, such as january or 1")
    if not 1 <= first <= 12 or not 1 <= last <= 12:
        raise ValueError(f"`{text}`: a month is 1 to 12")
    if last < first:
        raise ValueError(f"`{text}` ends before it begins: write two, up to december and from 1 on")
    return first, last


def years(text: str) -> tuple[int, int]:
    """`2026:2028` or `2030`. Raises ValueError."""
    first, last = _ends(text, {}, "a year, such as 2026")
    if not 1 <= first <= last <= 9999:
        raise ValueError(f"`{text}` is no year, or ends before it begins")
    return first, last


def _ends(text: str, names: Mapping[str, int], wanted: str) -> tuple[int, int]:
    found = []
    for part in text.split(":"):
        word = part.strip().lower()
        if word in names:
            found.append(names[word])
        elif names is not _DAYS_OF_WEEK and _NUMBER.fullmatch(word):
            found.append(int(word))
        else:
            raise ValueError(f"`{part}` is not {wanted}")
    if len(found) > 2:
        raise ValueError(f"`{text}`: a range has one colon")
    return found[0], found[-1]


def _weekdays(text: str) -> str:
    weekdays(text)
    return text


def _days_of_month(text: str) -> str:
    days_of_month(text)
    return text


def _months(text: str) -> str:
    months(text)
    return text


def _years(text: str) -> str:
    years(text)
    return text


class Times(Written):
    """A part of the day."""

    start_time: Clock = Field(description="When it begins, such as `09:00`.")
    end_time: Clock = Field(description="When it ends, such as `17:30`; 24:00 is the end of a day.")

    @model_validator(mode="after")
    def _forward(self) -> Times:
        if self.end_time <= self.start_time:
            raise ValueError(
                "it must end after it begins: write a night as two, up to 24:00 and from 00:00"
            )
        return self


class Interval(Written):
    """A set of moments: all that is given must hold, what is left out always does."""

    times: list[Times] = Field([], max_length=50, description="Parts of the day.")
    weekdays: list[Annotated[str, AfterValidator(_weekdays)]] = Field(
        [], max_length=50, description="Such as `monday:friday` or `sunday`."
    )
    days_of_month: list[Annotated[str, AfterValidator(_days_of_month)]] = Field(
        [], max_length=50, description="Such as `'1:5'` or `'-3:-1'`, which counts from the end."
    )
    months: list[Annotated[str, AfterValidator(_months)]] = Field(
        [], max_length=50, description="Such as `may:august` or `'12'`."
    )
    years: list[Annotated[str, AfterValidator(_years)]] = Field(
        [], max_length=50, description="Such as `'2026:2028'`."
    )
    location: Zone = Field("UTC", description="Where these times are, such as `Europe/Berlin`.")


class TimeInterval(Written):
    """Intervals under one name, for routes."""

    name: Name = Field(description="How routes call it.")
    time_intervals: list[Interval] = Field(
        max_length=100, description="It holds while one of them does."
    )
