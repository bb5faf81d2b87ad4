"""Escalations as the HTTP API shows them: who was told, and who will be if nobody acts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.people import Urgency

Way = Literal["person", "team", "schedule", "receiver"]


class WayItem(BaseModel):
    """By what somebody is told; `state` is that of the delivery once there is one."""

    integration: str
    channel: str
    due_at: datetime
    held_until: datetime | None = Field(None, description="The end of quiet hours.")
    state: str | None = None


class WhoItem(BaseModel):
    """Somebody whom a step tells, and what led there."""

    kind: Literal["person", "receiver"]
    name: str
    shown: str
    via: Way
    by: str = Field(description="The person, team, schedule or receiver that the step names.")
    zone: str | None = Field(None, description="Where a person reads the clock.")
    ways: list[WayItem]


class StepItem(BaseModel):
    """One step. `number` counts those that tell somebody; `sentence` says it for people.

    `planned`: that is what will happen if nobody acts and nothing changes.
    """

    run: int = 1
    round: int
    number: int
    state: Literal["told", "skipped", "planned"]
    at: datetime
    due_at: datetime
    urgency: Urgency
    who: list[WhoItem]
    missed: list[str] = Field([], description="Who is not told, and why.")
    sentence: str


class EscalationItem(BaseModel):
    """An escalation that an incident goes, or went, through: what was done, then what is planned.

    `exhausted_at` is when it will be at its end; it may be longer than the steps that are shown.
    """

    name: str
    state: Literal["running", "stopped", "exhausted"]
    run: int = Field(description="How often it began.")
    round: int
    rounds: int
    number: int = Field(description="The steps that tell somebody.")
    began_at: datetime
    next_at: datetime | None = None
    exhausted_at: datetime | None = None
    ended_at: datetime | None = None
    cause: str | None = Field(None, description="Why it ended, or waits.")
    steps: list[StepItem]
    sentence: str


class PreviewAsked(BaseModel):
    """When which matter begins an escalation."""

    model_config = ConfigDict(extra="forbid")

    at: datetime | None = Field(None, description="With a zone; now where it is left out.")
    severity: Severity = "critical"
    alerts: int = Field(1, ge=1, le=100_000, description="How many alerts fire.")


class Preview(BaseModel):
    """Who would be told when by what, until somebody acts. Nothing is sent."""

    name: str
    at: datetime
    severity: Severity
    steps: list[StepItem]
    exhausted_at: datetime | None = None
    more: bool = Field(False, description="Whether further steps were left out.")
