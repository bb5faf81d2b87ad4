"""Service levels as people write them: how soon somebody must act, and when the clock stands."""

from __future__ import annotations

from pydantic import Field, model_validator

from schemas.alert import Severity
from schemas.parts import Name, Span, Written
from schemas.people import Clock, Weekday, Zone


class Hours(Written):
    """Hours of some days in which the clock runs."""

    days: list[Weekday] = Field(min_length=1, max_length=7, description="Such as `[monday]`.")
    from_: Clock = Field(alias="from", description="When they begin, such as `09:00`.")
    to: Clock = Field(description="When they end, such as `17:30`; 24:00 is the end of the day.")

    @model_validator(mode="after")
    def _forward(self) -> Hours:
        if self.to <= self.from_:
            raise ValueError(
                "hours must end after they begin: write a night as two, up to 24:00 and from 00:00"
            )
        return self


class Calendar(Written):
    """Business hours: outside of them clocks of service levels stand still."""

    name: Name = Field(description="How service levels call it.")
    zone: Zone = Field("UTC", description="Where these days and times are.")
    hours: list[Hours] = Field(min_length=1, max_length=50, description="When the clock runs.")
    holidays: Name | None = Field(
        None, description="One of `holidays`: on its days the clock stands still."
    )


class ServiceLevel(Written):
    """What is promised for some incidents. The first one that an incident fits counts for it."""

    name: Name = Field(description="How timelines and reports call it.")
    severity: list[Severity] = Field([], max_length=5, description="Incidents of these; none: all.")
    services: list[Name] = Field(
        [], max_length=200,
        description="Incidents with alerts of one of these services; none: all.",
    )  # fmt: skip
    receivers: list[Name] = Field(
        [], max_length=200, description="Incidents whose route tells one of these; none: all."
    )
    acknowledge: Span | None = Field(None, description="Somebody has it within, such as `15m`.")
    resolve: Span | None = Field(None, description="It is over within, such as `4h`.")
    calendar: Name | None = Field(
        None, description="One of `calendars`; else the clock never rests."
    )
    warn_before: Span | None = Field(None, description="Warn so long before it would be missed.")
    notify: Name | None = Field(
        None, description="One of `receivers` that is told of warnings and of what was missed."
    )

    @model_validator(mode="after")
    def _promises(self) -> ServiceLevel:
        within = [each for each in (self.acknowledge, self.resolve) if each is not None]
        if not within:
            raise ValueError("it promises nothing: give acknowledge, resolve or both")
        if self.warn_before is not None and self.warn_before >= min(within):
            raise ValueError("warn_before must be shorter than acknowledge and resolve")
        return self
