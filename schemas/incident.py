"""Incidents as the HTTP API shows them, with why somebody was told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.api import AlertItem, Words
from schemas.delivery import DeliveryExplained

State = Literal["open", "acknowledged", "resolved"]


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
    resolved_at: datetime | None = None
    resolved_by: str | None = None


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


class Explanation(BaseModel):
    """Why somebody was, or was not, told: from the route down to each attempt."""

    route: str
    receiver: str
    policy_version: int
    sentence: str
    notifications: list[NotificationExplained]


class IncidentDetail(IncidentItem):
    """An incident with its alerts (the first 200), its story and its explanation."""

    alerts: list[AlertItem]
    alerts_total: int
    timeline: list[TimelineItem]
    explanation: Explanation


class Note(BaseModel):
    """What somebody wants to say while acting."""

    model_config = ConfigDict(extra="forbid")

    note: Words | None = None
