"""On-call schedules as people write them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from schemas import recurrence
from schemas.parts import Name, Written
from schemas.people import Clock, PersonName, Weekday, Zone

#: A Monday long ago: where no date is given, weeks are counted from it.
BEGINNING = date(2024, 1, 1)
_EARLIEST, _LATEST = date(2010, 1, 1), date(2100, 1, 1)
_EVERY = re.compile(r"day|week|([1-9][0-9]{0,2})([hdw])", re.ASCII)
LARGEST_CALENDAR = 200_000


def _every(text: object) -> object:
    if not isinstance(text, str) or not _EVERY.fullmatch(text):
        raise ValueError("must be day, week, or a number of hours, days or weeks: 12h, 3d, 2w")
    return text


def _listed(turn: object) -> object:
    return [turn] if isinstance(turn, str) else turn


def _unlike(turn: list[str]) -> list[str]:
    if len(set(turn)) != len(turn):
        raise ValueError("somebody is in this turn twice")
    return turn


Every = Annotated[
    str,
    BeforeValidator(_every),
    WithJsonSchema({"type": "string", "pattern": "^(day|week|[1-9][0-9]{0,2}[hdw])$",
                    "examples": ["week", "day", "12h", "2w"]}),
]  # fmt: skip
#: Who has one turn: a name, or several who have it together.
Turn = Annotated[
    list[PersonName],
    Field(min_length=1, max_length=20),
    BeforeValidator(_listed),
    AfterValidator(_unlike),
    WithJsonSchema({"anyOf": [
        {"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]}),
]  # fmt: skip


class Hours(Written):
    """Days and times of a layer, in its zone."""

    days: list[Weekday] = Field([], max_length=7, description="Days they begin on; none: all.")
    from_: Clock = Field("00:00", alias="from", description="When they begin, such as `18:00`.")
    to: Clock = Field("24:00", description="When they end; not after `from`: on the next day.")


class Layer(Written):
    """People who take turns, or a calendar that says who it is."""

    name: Name | None = Field(None, description="How shifts call it; else `layer 1` and so on.")
    people: list[Turn] = Field(
        [], max_length=200,
        description="Who takes turns, in this order; a list in the list has its turn together.",
    )  # fmt: skip
    every: Every | None = Field(
        None,
        description="How long a turn is: `week` (if left out), `day`, `2w` and `3d` by the clock on"
        " the wall, `12h` by hours that pass.",
    )
    rrule: str | None = Field(
        None, max_length=500,
        description="Instead of `every`: when it is handed over, a rule of RFC 5545 such as"
        " `FREQ=MONTHLY;BYDAY=1MO`.",
    )  # fmt: skip
    on: Weekday | None = Field(
        None, description="Where turns are weeks: the day of the hand-off; if left out, Monday."
    )
    at: Clock = Field("09:00", description="The time of the hand-off.")
    starts: date = Field(
        BEGINNING, ge=_EARLIEST, le=_LATEST,
        description="The first day of the first turn, at the time of the hand-off.",
    )  # fmt: skip
    zone: Zone | None = Field(None, description="Where its hours are; else that of the schedule.")
    hours: list[Hours] = Field(
        [], max_length=50, description="Only then the layer has somebody; none: always."
    )
    holiday: Name | None = Field(
        None, description="Only on days of this one of `holidays` the layer has somebody."
    )
    not_holiday: Name | None = Field(
        None, description="On days of this one of `holidays` the layer has nobody."
    )
    ical: str | None = Field(
        None, max_length=LARGEST_CALENDAR,
        description="Instead of `people`: an iCalendar whose events name people, by summary or"
        " attendee.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_form(self) -> Layer:
        if bool(self.people) == (self.ical is not None):
            raise ValueError("a layer needs people who take turns, or ical: give one of the two")
        turning = {"every", "rrule", "on", "at", "starts"} & self.model_fields_set
        if self.ical is not None and turning:
            raise ValueError(f"a layer with ical has no `{min(turning)}`: its events say when")
        if self.every is not None and self.rrule is not None:
            raise ValueError("give one of every and rrule")
        if self.on is not None and (self.rrule is not None or not self.weekly):
            raise ValueError("`on` is for turns of weeks: leave it out, or write `every: week`")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Layer:
        if self.rrule is not None:
            try:
                recurrence.check(self.rrule, self.begins)
            except ValueError as error:
                raise ValueError(f"rrule: {error}") from None
        return self

    @property
    def begins(self) -> datetime:
        """The first hand-off, as the clock on the wall shows it."""
        hours, minutes = map(int, self.at.split(":"))
        return datetime.combine(self.starts, time()) + timedelta(hours=hours, minutes=minutes)

    @property
    def length(self) -> tuple[int, str]:
        """How many of `h` or `d` a turn is, where no rule says it."""
        number, unit = (self.every or "week").removesuffix("eek"), "d"
        if number in ("w", "day"):
            return (7 if number == "w" else 1), unit
        count, unit = int(number[:-1]), number[-1]
        return (count * 7, "d") if unit == "w" else (count, unit)

    @property
    def weekly(self) -> bool:
        return (self.every or "week").endswith(("w", "week"))


def _addressed(name: str) -> str:
    if "/" in name or not name.isprintable():
        raise ValueError("a schedule stands in addresses: leave slashes out of its name")
    return name


class Schedule(Written):
    """Who is on call when."""

    name: Annotated[Name, AfterValidator(_addressed)] = Field(
        description="How escalations call it."
    )
    zone: Zone = Field("UTC", description="Where its hours are, such as `Europe/Berlin`.")
    layers: list[Layer] = Field(
        [], max_length=50, description="Later ones win where they have somebody."
    )
