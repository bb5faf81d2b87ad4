"""Deliveries as the HTTP API shows them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

State = Literal["pending", "sending", "sent", "dead", "superseded", "dropped"]
#: Where a delivery stands, for people: `retrying` failed at least once and is not given up yet.
Standing = Literal["queued", "sending", "retrying", "dead", "delivered", "superseded", "dropped"]
#: Where something can still be done about it.
Open = Literal["queued", "retrying", "dead"]


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


class Chosen(BaseModel):
    """Deliveries that have all of this in common; texts are found anywhere, in any case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    standing: Standing = Field("dead", description="Where they stand.")
    channel: str | None = Field(None, max_length=100, description="The channel, as `sms`.")
    destination: str | None = Field(None, max_length=300, description="A part of the destination.")
    error: str | None = Field(None, max_length=300, description="A part of the cause.")
    since: AwareDatetime | None = Field(None, description="Planned at this time or later.")
    until: AwareDatetime | None = Field(None, description="Planned before this time.")
    ids: list[uuid.UUID] | None = Field(None, max_length=500, description="Only these.")


class Bulk(BaseModel):
    """Something to be done to all deliveries that are chosen."""

    model_config = ConfigDict(extra="forbid")

    filter: Chosen = Field(description="Which deliveries.")
    dry_run: bool = Field(False, description="Only count; the answer has the `confirm` to go on.")
    confirm: str | None = Field(
        None, max_length=1000, description="As the dry run with the same filter gave it."
    )


class Retry(Bulk):
    """Send again what is dead, and what waits for its next attempt at once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"filter": {"channel": "sms"}, "dry_run": True}]}
    )


class Drop(Bulk):
    """Give up for good what is dead or waits."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"filter": {"channel": "sms"}, "reason": "old number", "dry_run": True}]
        }
    )
    reason: str = Field(min_length=1, max_length=300, description="Why, for whoever asks later.")


class Counted(BaseModel):
    """What a dry run found: nothing was changed."""

    matching: int
    can: int = Field(description="To so many it would be done.")
    newer: int = Field(description="Left alone: something newer was told, or is, in their place.")
    on_the_way: int = Field(description="Left alone: they are just being sent.")
    destinations: int = Field(description="To so many places those that can would go.")
    confirm: str = Field(description="Send it with the same filter to do it; holds for an hour.")
    sentence: str


class Done(BaseModel):
    """What was done to how many deliveries."""

    done: int
    sentence: str


class Summary(BaseModel):
    """How many deliveries stand where; what is over counts for a day."""

    queued: int = 0
    sending: int = 0
    retrying: int = 0
    dead: int = 0
    delivered: int = 0
    superseded: int = 0
    dropped: int = 0
