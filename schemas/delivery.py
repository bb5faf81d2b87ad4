"""Deliveries as the HTTP API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

State = Literal["pending", "sending", "sent", "dead", "superseded"]


class AttemptItem(BaseModel):
    """One try to deliver, and what the provider said."""

    attempt: int
    started_at: datetime
    finished_at: datetime
    outcome: str
    reason: str | None = None
    error: str | None = None
    status_code: int | None = None


class DeliveryItem(BaseModel):
    """One message to one destination. `id` is also the idempotency key given to the provider.

    `sentence` says its state and the cause for people.
    """

    id: str
    notification_id: str
    incident_id: str
    integration: str
    channel: str
    destination: str
    queue: str
    state: State
    attempts: int = Field(description="How often it was tried since it was (re)created.")
    in_doubt: bool = Field(description="It may have arrived although no receipt came.")
    cause: str | None = None
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None = None
    sentence: str


class DeliveryDetail(DeliveryItem):
    """A delivery with every attempt, oldest first."""

    history: list[AttemptItem]


class DeliveryExplained(BaseModel):
    """A delivery inside the explanation of an incident."""

    id: str
    integration: str
    channel: str
    destination: str
    state: State
    cause: str | None
    sentence: str
    history: list[AttemptItem]
