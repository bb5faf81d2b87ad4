"""Escalations as people write them: whom to tell, and whom next when nobody acts."""

from __future__ import annotations

from pydantic import Field, model_validator

from schemas.alert import Severity
from schemas.parts import Name, Span, Written
from schemas.people import Clock, PersonName, Urgency, Weekday, Zone


class Target(Written):
    """Who is told by a step: exactly one of these."""

    person: PersonName | None = Field(None, description="One of `people`.")
    team: Name | None = Field(None, description="One of `teams`: all in it.")
    schedule: Name | None = Field(None, description="Whoever is on call then.")
    receiver: Name | None = Field(None, description="The channels of one of `receivers`.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Target:
        named = [self.person, self.team, self.schedule, self.receiver]
        if sum(each is not None for each in named) != 1:
            raise ValueError("name exactly one of person, team, schedule and receiver")
        return self

    @property
    def kind(self) -> str:
        """Which of the four it is."""
        return next(kind for kind in ("person", "team", "schedule", "receiver")
                    if getattr(self, kind) is not None)  # fmt: skip

    @property
    def name(self) -> str:
        return str(getattr(self, self.kind))


class Condition(Written):
    """When a step holds: all that is given. Else it is passed by, and that is said."""

    severity: list[Severity] = Field([], max_length=5, description="The incident is one of these.")
    weekdays: list[Weekday] = Field([], max_length=7, description="It is one of these days.")
    from_: Clock | None = Field(None, alias="from", description="Not before this time of day.")
    to: Clock | None = Field(None, description="Before this time; before `from`: past midnight.")
    zone: Zone = Field("UTC", description="Where these days and times are.")
    holiday: Name | None = Field(None, description="It is a day of this one of `holidays`.")
    not_holiday: Name | None = Field(None, description="It is no day of this one of `holidays`.")
    alerts: int | None = Field(None, ge=1, description="At least so many alerts fire.")

    @model_validator(mode="after")
    def _whole(self) -> Condition:
        if (self.from_ is None) != (self.to is None):
            raise ValueError("give from and to together")
        return self


class Step(Written):
    """Tell somebody, or wait: one of the two."""

    notify: list[Target] = Field([], max_length=50, description="Who is told, all at once.")
    wait: Span | None = Field(None, description="How long somebody has to act, such as `5m`.")
    when: Condition | None = Field(None, description="Else this step is passed by.")
    round_robin: bool = Field(
        False, description="Of all these people only the next one in turn, by incident."
    )
    urgency: Urgency | None = Field(
        None, description="Which rules of people hold. Left out: critical is important."
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_thing(self) -> Step:
        if bool(self.notify) == (self.wait is not None):
            raise ValueError("a step either notifies or waits: give one of notify and wait")
        return self


class Escalation(Written):
    """A story from top to bottom; the next step begins when nobody has acted."""

    name: Name = Field(description="How receivers call it.")
    steps: list[Step] = Field(min_length=1, max_length=100, description="In this order.")
    repeat: int = Field(0, ge=0, le=20, description="How often all of it is gone through again.")
