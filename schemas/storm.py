"""Storms as the HTTP API shows them: what they share, what is in them, and who hears of them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.api import Words
from schemas.incident import State


class ShareItem(BaseModel):
    """So many of the alerts of a storm have this label with this value."""

    name: str
    value: str
    alerts: int
    share: float = Field(description="From 0 to 1.")


class StormItem(BaseModel):
    """A time in which so many new alerts came that they are told together.

    `state` is active while it lasts, over when no more comes, closed when its incident is resolved.
    """

    id: str
    state: Literal["active", "over", "closed"]
    title: str = Field(description="What it is in one line, as messages say it.")
    began_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = Field(None, description="Who ended it; null: it was over.")
    due_at: datetime | None = Field(None, description="When it is looked at next while it lasts.")
    alerts: int = Field(description="How many new alerts came; passed and folded ones together.")
    folded: int = Field(description="How many changes of alerts were folded into it.")
    groups: int = Field(description="How many groups of alerts met it.")
    passed: int = Field(description="How many of these told something critical beside it.")
    incident_id: str | None = Field(
        None, description="The incident of what was folded; null: nothing was."
    )
    incident_state: State | None = None
    severity: Severity | None = None
    acknowledged_by: str | None = None


class StormGroupItem(BaseModel):
    """A group of alerts in a storm; `sentence` says what became of it."""

    id: str
    labels: dict[str, str]
    receiver: str
    folded: int
    firing: int
    passed_at: datetime | None = None
    promoted_at: datetime | None = None
    promoted_by: str | None = None
    incident_id: str | None = Field(None, description="The incident it is in now.")
    incident_state: State | None = None
    sentence: str


class StormToldItem(BaseModel):
    """What the channels of a receiver heard of a storm; `told_at` null: nothing yet."""

    receiver: str
    folded: int
    groups: int
    told_at: datetime | None = None
    times: int = 0


class StormDetail(StormItem):
    """A storm with what its alerts share, its groups (the first 200), and who heard of it."""

    shares: list[ShareItem]
    group_list: list[StormGroupItem]
    told: list[StormToldItem]


class Promote(BaseModel):
    """Which group is to speak for itself."""

    model_config = ConfigDict(extra="forbid")

    group: uuid.UUID
    note: Words | None = None
