"""Who is on call, and who stands in, as the HTTP API takes and shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.api import Words
from schemas.parts import Name
from schemas.people import PersonName

State = Literal["active", "pending", "expired"]


class PersonOnCall(BaseModel):
    """Somebody on call, and how late it is there."""

    name: str
    shown: str = Field(description="How messages name the person.")
    zone: str = Field(description="Where the person lives.")
    local: datetime = Field(description="The time there, then.")
    awake: bool = Field(description="Whether that is between 07:00 and 23:00.")
    reachable: bool = Field(description="Whether an account of the policy reaches the person.")


class Change(BaseModel):
    """From `starts_at` on these people are on call; none: nobody is."""

    people: list[str]
    starts_at: datetime


class OnCallItem(BaseModel):
    """Who is on call in one schedule at one moment."""

    schedule: str
    zone: str
    at: datetime
    people: list[PersonOnCall] = Field(description="Empty: nobody.")
    layer: str | None = Field(None, description="The layer that says so.")
    overrides: list[str] = Field([], description="The overrides that say so, by id.")
    since: datetime | None = Field(None, description="When the shift began, if within 62 days.")
    next: Change | None = Field(None, description="The next change; none within 400 days.")


class ShiftItem(BaseModel):
    """People on call from `starts_at` until `ends_at`."""

    people: list[str]
    starts_at: datetime
    ends_at: datetime
    layer: str | None = None
    overrides: list[str] = []


class GapItem(BaseModel):
    """Nobody is on call from `starts_at` until `ends_at`."""

    starts_at: datetime
    ends_at: datetime


class Shifts(BaseModel):
    """What a schedule says of a time, cut at its ends."""

    schedule: str
    zone: str
    items: list[ShiftItem]
    gaps: list[GapItem]


class Unreachable(BaseModel):
    """Somebody on call whom no account of the policy reaches."""

    name: str
    first: datetime = Field(description="When that begins.")


class Load(BaseModel):
    """How long somebody is on call in the time looked at."""

    name: str
    zone: str | None = Field(description="Where the person lives; none: not in people.")
    hours: float
    night_hours: float = Field(description="Of these, from 23:00 to 07:00 where the person lives.")


class CoverageItem(BaseModel):
    """What is missing in one schedule in the time to come."""

    schedule: str
    zone: str
    whole: bool = Field(description="Nothing is missing.")
    gaps: list[GapItem] = Field(description="When nobody is on call.")
    empty: list[ShiftItem] = Field(description="Shifts of nobody who is in people.")
    unreachable: list[Unreachable]
    load: list[Load]


class NewOverride(BaseModel):
    """Somebody who stands in. Give `ends_at` or `duration`; without `starts_at` it starts now.

    Times are RFC 3339; without a zone they are what the clocks of the schedule show.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "schedule": "primary", "person": "ben", "starts_at": "2026-12-24 18:00",
                    "ends_at": "2026-12-26 09:00", "note": "swapped with anna",
                }
            ]
        },
    )  # fmt: skip

    schedule: Name
    person: PersonName
    starts_at: str | None = Field(None, max_length=64, description="In the past: now.")
    ends_at: str | None = Field(None, max_length=64)
    duration: str | None = Field(None, max_length=50, description="From the start on, such as 8h.")
    note: Words | None = Field(None, description="Why.")


class OverrideItem(BaseModel):
    """Somebody who stands in from `starts_at` until `ends_at`, whatever the layers say."""

    id: str
    state: State
    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime
    note: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None = Field(None, description="When somebody ended it before its time.")
