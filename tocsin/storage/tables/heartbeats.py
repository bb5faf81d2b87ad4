"""What must be heard again and again, and when nothing could be heard at all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, sealed, when


class Heartbeat(SQLModel, table=True):
    """One of the policy, or one that was (`gone_at`): facts, from which follows how it is."""

    __table_args__ = (Index("heartbeat_id", "tenant", "id", unique=True),)
    tenant: int = many(primary_key=True)
    name: str = line(primary_key=True)
    #: What its address proves to know; another one when the address is changed.
    id: str = line()
    #: Its rhythm, as JSON, and since when it has it.
    plan: str = line()
    planned_at: datetime = when()
    pings: int = many(server_default="0")
    gone_at: datetime | None = when(nullable=True)
    last_at: datetime | None = when(nullable=True)
    success_at: datetime | None = when(nullable=True)
    failed_at: datetime | None = when(nullable=True)
    started_at: datetime | None = when(nullable=True)
    paused_at: datetime | None = when(nullable=True)
    resumed_at: datetime | None = when(nullable=True)
    #: When the last had been heard as the alert about it was raised; why, and the alert as JSON.
    down_since: datetime | None = when(nullable=True)
    last_kind: str | None = line(nullable=True)
    last_from: str | None = line(nullable=True)
    last_agent: str | None = line(nullable=True)
    paused_by: str | None = line(nullable=True)
    cause: str | None = line(nullable=True)
    told: str | None = line(nullable=True)
    last_status: int | None = many(nullable=True)
    message: bytes | None = sealed(nullable=True)
    #: Milliseconds from the last start to the end that followed it.
    took: int | None = many(nullable=True)


class Hearing(SQLModel, table=True):
    """When a process that takes pings last had the record, and when none did before that.

    `heard_at` is by the clock of the machine: tests that travel in time do not make us deaf.
    """

    __table_args__ = (CheckConstraint("one", name="hearing_one"),)
    one: bool = Field(primary_key=True)
    heard_at: datetime = when()
    deaf_since: datetime | None = when(nullable=True)
    deaf_until: datetime | None = when(nullable=True)
