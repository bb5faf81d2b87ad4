"""The people of a tenant, where each can be reached, and how they want to be told."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.parts import Duration, Name, Written
from schemas.templates import Locale

#: E.164: a plus, the country, the number; no spaces.
PHONE = r"^\+[1-9][0-9]{6,14}$"
EMAIL = r"^[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}$"
WEBHOOK = r"^https?://\S+$"
CLOCK = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
PERSON = r"^[a-z0-9]+([._-][a-z0-9]+)*$"

Phone = Annotated[str, Field(pattern=PHONE)]
Email = Annotated[str, Field(pattern=EMAIL)]
#: A time of day, 00:00 to 23:59; 24:00 is the end of the day.
Clock = Annotated[str, Field(pattern=CLOCK)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
#: How people are named: in rotations, timelines and the audit.
PersonName = Annotated[str, Field(pattern=PERSON, max_length=80)]
#: How much it matters to whom it is told; which rules of a person hold.
Urgency = Literal["default", "important"]


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("not a time zone: write it like Europe/Berlin or UTC") from None
    return name


Zone = Annotated[str, Field(max_length=100), AfterValidator(_known_zone)]


class Way(Written):
    """One way to reach a person, and when."""

    by: Name = Field(description="One of `accounts`, such as `sms`.")
    after: Duration = Field(
        timedelta(0), description="So long after the page began, if nobody has acted until then."
    )


class Notify(Written):
    """What a person wants to be told by. A list that is empty means all ways, at once."""

    default: list[Way] = Field([], max_length=20, description="Pages that can wait.")
    important: list[Way] = Field([], max_length=20, description="Pages that must be heard.")


class QuietHours(Written):
    """When pages that can wait are held until these hours are over, in the zone of the person."""

    from_: Clock = Field(alias="from", description="When they begin, such as `22:00`.")
    to: Clock = Field(description="When they end; before `from`: on the next day.")
    days: list[Weekday] = Field([], max_length=7, description="Days they begin on; none: all.")
    important: bool = Field(False, description="Whether important pages are held as well.")

    @model_validator(mode="after")
    def _some(self) -> QuietHours:
        if self.from_ == self.to:
            raise ValueError(
                "quiet hours that end when they begin: write 00:00 to 24:00 for all day"
            )
        return self


class Person(Written):
    """Somebody who may be paged and act; the addresses are surely theirs."""

    name: PersonName = Field(description="How timelines, rotations and the audit name the person.")
    shown: str | None = Field(
        None, max_length=100, description="How messages name the person; else the name."
    )
    slack: str | None = Field(None, pattern=r"^[UW][A-Z0-9]{2,30}$", description="Slack user id.")
    phone: Phone | None = Field(None, description="Such as +4915112345678.")
    email: Email | None = Field(None, description="The address that mail comes from.")
    webhook: str | None = Field(
        None, pattern=WEBHOOK, max_length=2000,
        description="Where a push service of the person takes posts.",
    )  # fmt: skip
    zone: Zone = Field("UTC", description="Where the person lives, such as `Europe/Berlin`.")
    locale: Locale | None = Field(None, description="The language of messages to the person.")
    notify: Notify = Field(Notify(), description="By what the person is told, in which order.")
    quiet: list[QuietHours] = Field([], max_length=20, description="When not to be disturbed.")


class Team(Written):
    """People who are told together."""

    name: Name = Field(description="How escalations call it.")
    people: list[PersonName] = Field(min_length=1, max_length=200, description="Who is in it.")
