"""Reports that are made by themselves, as people write them in the policy."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.parts import Name, Written
from schemas.people import Weekday, Zone
from schemas.templates import Locale

Cadence = Literal["daily", "weekly", "monthly"]
#: Also a part of addresses and of file names.
ReportName = Annotated[str, Field(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=80)]
#: A person, or an address.
_RECIPIENT = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*|[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}")


def _recipient(text: str) -> str:
    if not _RECIPIENT.fullmatch(text):
        raise ValueError("neither a person nor an address such as boss@example.org")
    return text


Recipient = Annotated[str, Field(max_length=320), AfterValidator(_recipient)]


class ScheduledReport(Written):
    """A report that is made again and again, kept, and sent to some people."""

    name: ReportName = Field(description="How it is listed; another name is another series.")
    kind: Name = Field(description="Which report: `daily` or `weekly`.")
    cadence: Cadence | None = Field(
        None, description="How often, and over which time; left out: as the kind has it."
    )
    at: str = Field(
        "08:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="When, in its zone."
    )
    weekday: Weekday = Field("monday", description="On which day, if weekly.")
    day: int = Field(1, ge=1, le=28, description="On which day of the month, if monthly.")
    zone: Zone = Field("UTC", description="Where its days begin, and where `at` is.")
    locale: Locale | None = Field(None, description="Its language; left out: that of the policy.")
    to: list[Recipient] = Field(
        [], max_length=50, description="Who gets it: people or addresses; none: it is only kept."
    )
    account: Name = Field("email", description="By which one of `accounts` that sends mail.")

    @property
    def time_of_day(self) -> time:
        return time.fromisoformat(self.at)
