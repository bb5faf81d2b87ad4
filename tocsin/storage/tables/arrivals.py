"""What was accepted, what still has to be done with it, and what could not be."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Column, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, numbers, sealed, serial, when, words


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
    #: Since when it waits, where that is not when it was received: what goes round again is old.
    queued_at: datetime | None = when(nullable=True)
    intake_id: int | None = many(nullable=True)
    events: list[int] | None = numbers(nullable=True)
    #: An alert that Tocsin raises about itself, as JSON; it has no intake.
    own: str | None = line(nullable=True)
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    traceparent: str | None = line(nullable=True)


class DrainNote(SQLModel, table=True):
    """Which rows a drain holds in its hands: unlogged, losing it only restarts a count."""

    __tablename__ = "drain_note"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    worker: str = line(primary_key=True)
    ids: list[int] = numbers()
    noted_at: datetime = when()
    #: The connection of the transaction that holds them.
    backend: int | None


class WorkNote(SQLModel, table=True):
    """Which timers a worker holds in its hands, and by which connection."""

    __tablename__ = "work_note"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    worker: str = line(primary_key=True)
    kind: str = line()
    backend: int
    tenants: list[int] = numbers()
    subjects: list[str] = words()
    noted_at: datetime = when()


class Suspect(SQLModel, table=True):
    """What was in the hands of workers that died, until it has been done once."""

    tenant: int = many(primary_key=True)
    kind: str = line(primary_key=True)
    subject: str = line(primary_key=True)
    deaths: int
    at: datetime = when()


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
