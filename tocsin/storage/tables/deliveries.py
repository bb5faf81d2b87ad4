"""What was decided to be told, and what became of it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, numbers, sealed, when, words


class Notification(SQLModel, table=True):
    """One decision to tell something; its deliveries say what became of it."""

    __table_args__ = (Index("notification_group", "tenant", "group_id", "created_at"),)
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    group_id: uuid.UUID
    incident_id: uuid.UUID
    reason: str = line()
    message: bytes = sealed()
    events: list[int] = numbers()
    #: No event in `events` is older (prunes the partitions).
    events_since: datetime = when()
    policy_version: int
    created_at: datetime = when()


class Delivery(SQLModel, table=True):
    __table_args__ = (
        Index(
            "delivery_due",
            "queue",
            "channel",
            "due_at",
            postgresql_where=text("state IN ('pending', 'sending')"),
        ),
        Index(
            "delivery_line_pending",
            "tenant",
            "group_id",
            "integration",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "delivery_line_sending",
            "tenant",
            "group_id",
            "integration",
            unique=True,
            postgresql_where=text("state = 'sending'"),
        ),
        Index("delivery_notification", "tenant", "notification_id"),
        Index("delivery_incident", "tenant", "incident_id"),
        Index("delivery_dead", "tenant", "finished_at", postgresql_where=text("state = 'dead'")),
        Index("delivery_recent", "tenant", "created_at", "id"),
        Index(
            "delivery_provider",
            "tenant",
            "channel",
            "provider_id",
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        Index(
            "delivery_instead",
            "tenant",
            "notification_id",
            "integration",
            unique=True,
            postgresql_where=text("instead_of IS NOT NULL"),
        ),
        Index("delivery_held", "tenant", "channel", "destination", postgresql_where=text("held")),
    )
    tenant: int = many(primary_key=True)
    #: Also the idempotency key: it never changes over attempts.
    id: uuid.UUID = Field(primary_key=True)
    notification_id: uuid.UUID
    group_id: uuid.UUID
    incident_id: uuid.UUID
    generation: int
    #: With the group, the line: one in flight, in order.
    integration: str = line()
    channel: str = line()
    destination: str = line()
    queue: str = line()
    #: pending, sending, sent, dead, superseded, dropped
    state: str = line()
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    fence: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    due_at: datetime = when()
    lease_until: datetime | None = when(nullable=True)
    in_doubt: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    #: For people, why it is not sent (yet); a successor's id for "superseded".
    cause: str | None = line(nullable=True)
    created_at: datetime = when()
    finished_at: datetime | None = when(nullable=True)
    #: When it was meant to go out; a retry changes what is due, never this. NULL: when created.
    wanted_at: datetime | None = when(nullable=True)
    #: The provider's own name for the message, and what it said later became of it.
    provider_id: str | None = line(nullable=True)
    receipt: str | None = line(nullable=True)
    receipt_at: datetime | None = when(nullable=True)
    #: Of an escalation: the person that it pages, and what to tell this recipient, as JSON.
    person: str | None = line(nullable=True)
    facts: str | None = line(nullable=True)
    traceparent: str | None = line(nullable=True)
    #: Claims since the last result, whatever it was: those of processes that died.
    claims: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    #: It waits for the next try of its destination, whose circuit is open.
    held: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    #: When the step that it belongs to is over; NULL: it belongs to none.
    step_until: datetime | None = when(nullable=True)
    #: When another way was taken beside it, or none was found.
    gave_over_at: datetime | None = when(nullable=True)
    #: The delivery that it stands in for, and why, as JSON.
    instead_of: uuid.UUID | None = None
    instead: str | None = line(nullable=True)


class DeliveryAttempt(SQLModel, table=True):
    __tablename__ = "delivery_attempt"
    __table_args__ = ({"postgresql_partition_by": "RANGE (started_at)"},)
    tenant: int = many(primary_key=True)
    delivery_id: uuid.UUID = Field(primary_key=True)
    #: The fence of the claim: one row an attempt, whoever made it.
    attempt: int = Field(primary_key=True)
    started_at: datetime = when(primary_key=True)
    finished_at: datetime = when()
    #: sent, retry, dead, superseded
    outcome: str = line()
    reason: str | None = line(nullable=True)
    error: str | None = line(nullable=True)
    status_code: int | None = None


class Told(SQLModel, table=True):
    """The notification log: what an integration of a group's receiver was last told."""

    tenant: int = many(primary_key=True)
    group_id: uuid.UUID = Field(primary_key=True)
    integration: str = line(primary_key=True)
    incident_id: uuid.UUID
    firing: list[str] = words()
    resolved: list[str] = words()
    reason: str = line()
    at: datetime = when()
    #: The provider's reference of the first message (Slack: channel and ts), as JSON.
    ref: str | None = line(nullable=True)
    #: How bad the incident was when it was paged; NULL: not paged.
    severity: str | None = line(nullable=True)
    #: It was not paged itself: a page about another group of the same incident stands for it.
    carried: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    #: What it heard fire and was held back when it was last told: their end is owed.
    held: list[str] = words(server_default="{}")


class LinkUse(SQLModel, table=True):
    """What was done by the link in a page: each act once."""

    __tablename__ = "link_use"
    tenant: int = many(primary_key=True)
    delivery_id: uuid.UUID = Field(primary_key=True)
    act: str = line(primary_key=True)
    at: datetime = when()


class Circuit(SQLModel, table=True):
    """A destination that failed lately, and whether anything is sent there."""

    tenant: int = many(primary_key=True)
    channel: str = line(primary_key=True)
    destination: str = line(primary_key=True)
    #: In a row.
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    #: Tries that failed since it is open.
    probes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    #: When the first of these failures was.
    since: datetime | None = when(nullable=True)
    #: NULL: it is closed.
    opened_at: datetime | None = when(nullable=True)
    probe_at: datetime | None = when(nullable=True)
    cause: str | None = line(nullable=True)
    changed_at: datetime = when()
