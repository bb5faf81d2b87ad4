"""Every table of the record. Each key begins with the tenant; queries live in the files beside.

Nothing at run time imports this file: it is what migrations are written from, and a test holds the
migrated database equal to it.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Identity, Index, SmallInteger, text
from sqlalchemy import LargeBinary as Bytes
from sqlalchemy import Text as SqlText
from sqlmodel import Field, SQLModel


def when(**options: Any) -> Any:
    """A moment in time, always with its zone."""
    nullable = options.pop("nullable", False)
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable, **options))


def words(**options: Any) -> Any:
    return Field(sa_column=Column(ARRAY(SqlText), **{"nullable": False, **options}))


def many(**options: Any) -> Any:
    return Field(sa_column=Column(BigInteger, **{"nullable": False, **options}))


def line(**options: Any) -> Any:
    return Field(sa_column=Column(SqlText, **{"nullable": False, **options}))


def sealed(**options: Any) -> Any:
    """Bytes that only the tenant's key opens (tocsin.security.crypto)."""
    return Field(sa_column=Column(Bytes, **{"nullable": False, **options}))


def serial() -> Any:
    return Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))


class Tenant(SQLModel, table=True):
    id: int = serial()
    slug: str = line(unique=True)
    name: str = line()
    policy_version: int | None = None
    #: Why the newest document on disk was refused; NULL when all is well.
    policy_problem: str | None = line(nullable=True)
    created_at: datetime = when()


class TenantKey(SQLModel, table=True):
    __tablename__ = "tenant_key"
    tenant: int = many(primary_key=True)
    id: int = many(primary_key=True)
    wrapped: bytes = sealed()
    created_at: datetime = when()


class Token(SQLModel, table=True):
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    name: str = line()
    hash: bytes = sealed(unique=True)
    scopes: list[str] = words()
    created_at: datetime = when()
    created_by: str = line()
    revoked_at: datetime | None = when(nullable=True)


class ConfigVersion(SQLModel, table=True):
    __tablename__ = "config_version"
    tenant: int = many(primary_key=True)
    version: int = Field(primary_key=True)
    document: str = line()
    author: str = line()
    created_at: datetime = when()


class Intake(SQLModel, table=True):
    """What was accepted, as it was accepted; never updated."""

    __table_args__ = ({"postgresql_partition_by": "RANGE (received_at)"},)
    tenant: int = many(primary_key=True)
    #: From the sequence intake_id, so that one statement can fill intake and inbox.
    id: int = many(primary_key=True)
    received_at: datetime = when(primary_key=True)
    source: str = line()
    alerts: int
    body: bytes = sealed()


class Inbox(SQLModel, table=True):
    """What still has to be done: a pointer to the intake, or to changes for a later stage."""

    __table_args__ = (Index("inbox_waiting", "stage", "tenant", text("urgent DESC"), "id"),)
    tenant: int = many(primary_key=True)
    id: int = serial()
    stage: str = line()
    urgent: bool
    alerts: int
    received_at: datetime = when()
    intake_id: int | None = many(nullable=True)
    events: list[int] | None = Field(sa_column=Column(ARRAY(BigInteger), nullable=True))
    #: An alert that Tocsin raises about itself, as JSON; it has no intake.
    own: str | None = line(nullable=True)
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    traceparent: str | None = line(nullable=True)


class DrainNote(SQLModel, table=True):
    """Which rows a drain holds in its hands: unlogged, losing it only restarts a count."""

    __tablename__ = "drain_note"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    worker: str = line(primary_key=True)
    ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    noted_at: datetime = when()


class Quarantine(SQLModel, table=True):
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    received_at: datetime = when()
    source: str = line()
    field: str = line()
    reason: str = line()
    alerts: int
    body: bytes = sealed()
    replayed_at: datetime | None = when(nullable=True)


class Alert(SQLModel, table=True):
    __table_args__ = ({"postgresql_with": {"fillfactor": 80}},)
    tenant: int = many(primary_key=True)
    fingerprint: str = line(primary_key=True)
    status: str = line()
    severity: str = line()
    labels: str = line()
    annotations: str = line()
    #: What enrichment added, as JSON; NULL: nothing.
    extra: str | None = line(nullable=True)
    source: str = line()
    generator_url: str = line()
    starts_at: datetime = when()
    ends_at: datetime | None = when(nullable=True)
    expires_at: datetime | None = when(nullable=True)
    count: int = many()
    first_seen: datetime = when()
    last_seen: datetime = when()


class AlertEvent(SQLModel, table=True):
    """Each change of an alert, with its explanation as columns (law 4)."""

    __tablename__ = "alert_event"
    __table_args__ = (
        Index("alert_event_history", "tenant", "fingerprint", "id"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )
    tenant: int = many(primary_key=True)
    id: int = serial()
    received_at: datetime = when(primary_key=True)
    fingerprint: str = line()
    kind: str = line()
    status: str = line()
    severity: str = line()
    #: False for what Tocsin found out by itself (an expiry): nobody posted it.
    posted: bool
    policy_version: int | None = None
    #: NULL is "pending".
    outcome: str | None = line(nullable=True)
    #: What the outcome points to: a silence, a notification, a later event.
    cause: str | None = line(nullable=True)
    explained_at: datetime | None = when(nullable=True)


class AlertLabel(SQLModel, table=True):
    """For searching: under row-level security an index on jsonb is not used, text equality is."""

    __tablename__ = "alert_label"
    tenant: int = many(primary_key=True)
    name: str = line(primary_key=True)
    value: str = line(primary_key=True)
    fingerprint: str = line(primary_key=True)


class AlertGroup(SQLModel, table=True):
    __tablename__ = "alert_group"
    __table_args__ = (Index("alert_group_active", "tenant", postgresql_where=text("active")),)
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    route: str = line()
    receiver: str = line()
    labels: str = line()
    active: bool
    #: The version whose routes its members were last held against.
    policy_version: int
    #: The first flush since the group became active; later ones fall on anchor + k * group_interval.
    anchor: datetime | None = when(nullable=True)
    created_at: datetime = when()


class GroupMember(SQLModel, table=True):
    __tablename__ = "group_member"
    __table_args__ = (
        Index("group_member_muted", "tenant", postgresql_where=text("muted_by IS NOT NULL")),
        Index("group_member_alert", "tenant", "fingerprint"),
    )
    tenant: int = many(primary_key=True)
    group_id: uuid.UUID = Field(primary_key=True)
    fingerprint: str = line(primary_key=True)
    #: The newest change that this group has not explained for good; NULL: nothing open.
    event_id: int | None = many(nullable=True)
    event_at: datetime | None = when(nullable=True)
    muted_by: list[str] | None = words(nullable=True)


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


class Incident(SQLModel, table=True):
    __table_args__ = (
        Index(
            "incident_open",
            "tenant",
            "group_id",
            unique=True,
            postgresql_where=text("state <> 'resolved'"),
        ),
        Index("incident_latest", "tenant", "group_id", text("opened_at DESC")),
    )
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    group_id: uuid.UUID
    title: str = line()
    severity: str = line()
    state: str = line()
    #: Raised by each act that must stop what was planned before it.
    generation: int
    opened_at: datetime = when()
    acknowledged_at: datetime | None = when(nullable=True)
    acknowledged_by: str | None = line(nullable=True)
    resolved_at: datetime | None = when(nullable=True)
    resolved_by: str | None = line(nullable=True)


class Timeline(SQLModel, table=True):
    tenant: int = many(primary_key=True)
    incident_id: uuid.UUID = Field(primary_key=True)
    id: int = serial()
    at: datetime = when()
    kind: str = line()
    actor: str = line()
    detail: str = line()


class Silence(SQLModel, table=True):
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    matchers: list[str] = words()
    starts_at: datetime = when()
    ends_at: datetime = when()
    comment: str = line()
    created_by: str = line()
    created_at: datetime = when()


class Timer(SQLModel, table=True):
    __table_args__ = (Index("timer_due", "kind", "due_at"),)
    tenant: int = many(primary_key=True)
    kind: str = line(primary_key=True)
    subject: str = line(primary_key=True)
    generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    step: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    due_at: datetime = when()
    traceparent: str | None = line(nullable=True)


class Notification(SQLModel, table=True):
    """One decision to tell something; its deliveries say what became of it."""

    __table_args__ = (Index("notification_group", "tenant", "group_id", "created_at"),)
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    group_id: uuid.UUID
    incident_id: uuid.UUID
    reason: str = line()
    message: bytes = sealed()
    events: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
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
        Index("delivery_dead", "tenant", "finished_at", postgresql_where=text("state = 'dead'")),
        Index("delivery_recent", "tenant", "created_at", "id"),
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
    #: pending, sending, sent, dead, superseded
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
    traceparent: str | None = line(nullable=True)


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


class Audit(SQLModel, table=True):
    """Acts of people, tokens and configuration, each chained to the one before."""

    tenant: int = many(primary_key=True)
    seq: int = many(primary_key=True)
    at: datetime = when()
    actor: str = line()
    act: str = line()
    subject: str = line()
    detail: str = line()
    prev: bytes = sealed()
    hash: bytes = sealed()


class Counter(SQLModel, table=True):
    """Counters that promise something: the folded part."""

    tenant: int = many(primary_key=True)
    name: str = line(primary_key=True)
    labels: str = line(primary_key=True)
    value: float


class Tally(SQLModel, table=True):
    """What each transaction adds to the counters; folded each second, readers add the rest."""

    tenant: int = many(primary_key=True)
    id: int = serial()
    name: str = line()
    labels: str = line()
    value: float


class ClockOffset(SQLModel, table=True):
    """How far tocsin_now() is ahead of the database clock: tests travel in time."""

    __tablename__ = "clock_offset"
    singleton: bool = Field(primary_key=True, default=True)
    seconds: float
