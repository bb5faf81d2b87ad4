"""Groups of alerts, the incidents that people act on, and what falls due."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import fraction, line, many, serial, when, words


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
    #: The first flush since the group became active; later ones: anchor + k * group_interval.
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


class Incident(SQLModel, table=True):
    __table_args__ = (
        Index(
            "incident_gaining",
            "tenant",
            "gained_at",
            postgresql_where=text("state <> 'resolved'"),
        ),
        Index("incident_latest", "tenant", "group_id", text("opened_at DESC")),
        Index(
            "incident_merged",
            "tenant",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    #: The group that founded it, or what is left of the first; all are in `incident_group`.
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
    #: When it opened, opened again or last gained a group; NULL: when it opened.
    gained_at: datetime | None = when(nullable=True)
    merged_into: uuid.UUID | None = None
    #: When somebody, or the end of a snooze, last opened it again: it is told anew from then on.
    reopened_at: datetime | None = when(nullable=True)
    #: While it is acknowledged: when it opens again, if it does, whether that is the end of a
    #: snooze, and who handed it over to whoever has it and has not answered yet.
    reopens_at: datetime | None = when(nullable=True)
    snoozed: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    handed_by: str | None = line(nullable=True)


class IncidentGroup(SQLModel, table=True):
    """Which groups an incident has, or had, and why."""

    __tablename__ = "incident_group"
    __table_args__ = (
        # A group is in one incident at a time, so it has at most one that is open.
        Index(
            "incident_group_current",
            "tenant",
            "group_id",
            unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
    )
    tenant: int = many(primary_key=True)
    incident_id: uuid.UUID = Field(primary_key=True)
    group_id: uuid.UUID = Field(primary_key=True)
    joined_at: datetime = when()
    left_at: datetime | None = when(nullable=True)
    #: opened, labels, services, merged, split, storm, line
    reason: str = line()
    confidence: float = fraction()
    #: What made it join, as JSON.
    detail: str = line()
    #: What correlation rules compare of it, as JSON, when it last spoke.
    facts: str = line()


class Timeline(SQLModel, table=True):
    __table_args__ = (Index("timeline_newest", "tenant", "id"),)
    tenant: int = many(primary_key=True)
    incident_id: uuid.UUID = Field(primary_key=True)
    id: int = serial()
    at: datetime = when()
    kind: str = line()
    actor: str = line()
    detail: str = line()


class Timer(SQLModel, table=True):
    __table_args__ = (Index("timer_due", "kind", "due_at"),)
    tenant: int = many(primary_key=True)
    kind: str = line(primary_key=True)
    subject: str = line(primary_key=True)
    generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    step: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    due_at: datetime = when()
    urgent: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    traceparent: str | None = line(nullable=True)
