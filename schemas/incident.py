"""Incidents as the HTTP API shows them, with why somebody was told."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.api import AlertItem, Words
from schemas.delivery import DeliveryExplained
from schemas.escalated import EscalationItem
from schemas.parts import Duration

State = Literal["open", "acknowledged", "resolved"]
#: How a list of incidents is ordered: "severity" has the worst first, and of these the newest.
Order = Literal["newest", "oldest", "severity"]


class IncidentItem(BaseModel):
    """What people acknowledge. `acknowledged_by` and `resolved_by` name tokens or are null."""

    id: str
    title: str
    severity: Severity
    state: State
    receiver: str
    route: str
    group_id: str
    group_labels: dict[str, str]
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    reopens_at: datetime | None = Field(
        None, description="When the acknowledged incident opens again if it is not resolved."
    )
    snoozed: bool = Field(False, description="Whether `reopens_at` is the end of a snooze.")
    handed_by: str | None = Field(
        None, description="Who handed it over to `acknowledged_by`, who has not answered yet."
    )
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    merged_into: str | None = Field(None, description="The incident that its groups went to.")
    groups_total: int = Field(1, description="How many groups of alerts it has.")


class GroupItem(BaseModel):
    """A group of alerts that belongs, or belonged, to an incident; `sentence` says why.

    `reason` is opened, labels, services, merged, split, storm (it was folded into one) or line (it
    has no alerts: the messages about the storm stand there); `detail` is what made it so.
    """

    id: str
    labels: dict[str, str]
    route: str
    receiver: str
    active: bool = Field(description="Whether it had alerts when it last spoke.")
    joined_at: datetime
    left_at: datetime | None = None
    reason: str
    confidence: float = Field(description="Between 0 and 1; 1 where people or nobody decided.")
    detail: dict[str, Any]
    sentence: str


class TimelineItem(BaseModel):
    """One act of the story; `sentence` says it for people."""

    at: datetime
    kind: str
    actor: str
    detail: dict[str, Any]
    sentence: str


class NotificationExplained(BaseModel):
    """One decision to tell, why it was made and by which version of the policy."""

    id: str
    at: datetime
    reason: str
    policy_version: int
    changes: int = Field(description="How many changes of alerts it tells of.")
    sentence: str
    deliveries: list[DeliveryExplained]


class LevelItem(BaseModel):
    """One clock of a service level; `likely` is told from the tenant's own past.

    `state` is running, paused (its calendar is closed now), kept, missed or endless (its calendar
    opens no more). `likely` is met, at risk, breach or unknown, and null where it does not run.
    """

    clock: Literal["acknowledge", "resolve"]
    level: str
    within_seconds: float
    state: Literal["running", "paused", "kept", "missed", "endless"]
    started_at: datetime
    due_at: datetime | None = None
    stopped_at: datetime | None = None
    breached_at: datetime | None = None
    likely: Literal["met", "at risk", "breach", "unknown"] | None = None
    sentence: str


class Explanation(BaseModel):
    """Why somebody was, or was not, told: from the route down to each attempt."""

    route: str
    receiver: str
    policy_version: int
    sentence: str
    groups: list[str] = Field([], description="Why each of several groups belongs to it.")
    notifications: list[NotificationExplained]


class IncidentDetail(IncidentItem):
    """An incident with its groups, its alerts (the first 200), its story and its explanation."""

    groups: list[GroupItem]
    alerts: list[AlertItem]
    alerts_total: int
    timeline: list[TimelineItem]
    service_levels: list[LevelItem] = Field([], description="What was promised, and is it kept.")
    explanation: Explanation
    escalations: list[EscalationItem] = Field(
        [], description="Who was told step by step, and who will be if nobody acts."
    )


class Merge(BaseModel):
    """Which incidents are the same thing as this one."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: list[uuid.UUID] = Field(alias="from", min_length=1, max_length=50)
    note: Words | None = None


class Split(BaseModel):
    """Which groups are something else."""

    model_config = ConfigDict(extra="forbid")

    groups: list[uuid.UUID] = Field(min_length=1, max_length=200)
    note: Words | None = None


class HandOver(BaseModel):
    """Who is to have it: the name of one of `people` in the policy, who is paged."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"to": "ben", "note": "you know this one"}]}
    )

    to: str = Field(min_length=1, max_length=80)
    note: Words | None = None


class Snooze(BaseModel):
    """For how long somebody has it, from `1m` to `7d`; then it is open again."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, json_schema_extra={"examples": [{"for": "30m"}]}
    )

    for_: Duration = Field(alias="for")
    note: Words | None = None


class Note(BaseModel):
    """What somebody wants to say while acting."""

    model_config = ConfigDict(extra="forbid")

    note: Words | None = None
