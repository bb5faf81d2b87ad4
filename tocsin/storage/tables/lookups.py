"""What enrichment asked other systems, what they answered, and which alerts wait for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from tocsin.storage.tables.columns import line, many, when


class Lookup(SQLModel, table=True):
    """One question of one tenant; `given` is the last good answer, however old."""

    __table_args__ = (
        Index("lookup_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 80}},
    )
    tenant: int = many(primary_key=True)
    #: The digest of the step that asks: with other settings it is another one.
    enricher: str = line(primary_key=True)
    key: str = line(primary_key=True)
    #: The address and the body to send, as JSON.
    request: str = line()
    host: str = line()
    #: Labels and facts, as JSON; NULL: it was never answered.
    given: str | None = line(nullable=True)
    fetched_at: datetime | None = when(nullable=True)
    #: Until when the answer is good; after a failure, when it may be asked again.
    expires_at: datetime | None = when(nullable=True)
    #: When it is to be asked; while somebody asks, when their lease ends; NULL: not at all.
    due_at: datetime | None = when(nullable=True)
    attempts: int
    fence: int = many()
    #: Why the last attempt failed.
    error: str | None = line(nullable=True)


class LookupWaiting(SQLModel, table=True):
    """An alert that went on without the answer and is enriched anew when it is there."""

    __tablename__ = "lookup_waiting"
    tenant: int = many(primary_key=True)
    enricher: str = line(primary_key=True)
    key: str = line(primary_key=True)
    fingerprint: str = line(primary_key=True)
