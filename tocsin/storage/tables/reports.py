"""Clocks of service levels, and reports with the letters that bring them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, sealed, when, words


class ServiceLevel(SQLModel, table=True):
    """One clock of one incident, as it was when it was last looked at."""

    __tablename__ = "service_level"
    __table_args__ = (
        Index(
            "service_level_breached",
            "tenant",
            "breached_at",
            postgresql_where=text("breached_at IS NOT NULL"),
        ),
        Index(
            "service_level_running",
            "tenant",
            "due_at",
            postgresql_where=text("stopped_at IS NULL"),
        ),
    )
    tenant: int = many(primary_key=True)
    incident_id: uuid.UUID = Field(primary_key=True)
    #: acknowledge, resolve
    clock: str = line(primary_key=True)
    target: str = line()
    #: The services that its alerts had: a group forgets alerts that are over.
    services: list[str] = words()
    policy_version: int
    started_at: datetime = when()
    #: When it will have been missed; NULL: it has stopped, or its calendar opens no more.
    due_at: datetime | None = when(nullable=True)
    stopped_at: datetime | None = when(nullable=True)
    breached_at: datetime | None = when(nullable=True)
    #: In how many rounds: what opens again is acknowledged anew.
    breaches: int
    warned_at: datetime | None = when(nullable=True)
    #: The alert about it that fires now, as JSON; NULL: none does.
    told: str | None = line(nullable=True)


class ReportSchedule(SQLModel, table=True):
    """A series of reports of the policy in force."""

    __tablename__ = "report_schedule"
    tenant: int = many(primary_key=True)
    name: str = line(primary_key=True)
    #: What `next_run_at` was reckoned from: where it changes, that is reckoned anew.
    plan: str = line()
    next_run_at: datetime = when()
    #: How often in a row it could not be made, and why.
    attempts: int
    error: str | None = line(nullable=True)


class Report(SQLModel, table=True):
    """A report that was made; content, html and csv are compressed with zstd."""

    __table_args__ = (
        Index(
            "report_once",
            "tenant",
            "schedule",
            "starts_at",
            "ends_at",
            unique=True,
            postgresql_where=text("schedule IS NOT NULL"),
        ),
    )
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    kind: str = line()
    schedule: str | None = line(nullable=True)
    starts_at: datetime = when()
    ends_at: datetime = when()
    zone: str = line()
    locale: str = line()
    policy_version: int | None = None
    content: bytes = sealed()
    html: bytes = sealed()
    csv: bytes = sealed()
    created_at: datetime = when()


class ReportLetter(SQLModel, table=True):
    """A report on its way to one address."""

    __tablename__ = "report_letter"
    __table_args__ = (
        Index("report_letter_report", "tenant", "report_id"),
        Index("report_letter_pending", "tenant", "id", postgresql_where=text("state = 'pending'")),
    )
    tenant: int = many(primary_key=True)
    #: Also the idempotency key: it never changes over attempts.
    id: uuid.UUID = Field(primary_key=True)
    report_id: uuid.UUID
    address: str = line()
    channel: str = line()
    #: pending, sent, dead
    state: str = line()
    attempts: int
    in_doubt: bool
    cause: str | None = line(nullable=True)
    created_at: datetime = when()
    finished_at: datetime | None = when(nullable=True)
