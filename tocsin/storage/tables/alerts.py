"""Alerts and their changes with the explanations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from tocsin.storage.tables.columns import line, many, numbers, serial, when


class Alert(SQLModel, table=True):
    __table_args__ = (
        Index(
            "alert_tags",
            "tags",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 1024},
        ),
        Index("alert_newest", "tenant", "starts_at", "fingerprint"),
        Index(
            "alert_firing",
            "tenant",
            "starts_at",
            "fingerprint",
            postgresql_where=text("status = 'firing'"),
        ),
        {"postgresql_with": {"fillfactor": 80}},
    )
    tenant: int = many(primary_key=True)
    fingerprint: str = line(primary_key=True)
    status: str = line()
    severity: str = line()
    labels: str = line()
    annotations: str = line()
    #: What enrichment added, as JSON; NULL: nothing.
    extra: str | None = line(nullable=True)
    #: Labels that enrichment added, as JSON; NULL: none. The original labels stay what they were.
    added: str | None = line(nullable=True)
    #: Labels that rules set, as JSON; they stand above all others.
    ruled: str | None = line(nullable=True)
    source: str = line()
    generator_url: str = line()
    starts_at: datetime = when()
    ends_at: datetime | None = when(nullable=True)
    expires_at: datetime | None = when(nullable=True)
    count: int = many()
    first_seen: datetime = when()
    last_seen: datetime = when()
    #: For searching, see `domain.tags`: of all labels that it has or once had.
    tags: list[int] = numbers(server_default="{}")


class AlertEvent(SQLModel, table=True):
    """Each change of an alert, with its explanation as columns (law 4)."""

    __tablename__ = "alert_event"
    __table_args__ = (
        Index("alert_event_history", "tenant", "fingerprint", "id"),
        Index(
            "alert_event_open",
            "tenant",
            "received_at",
            "id",
            postgresql_where=text("outcome IS NULL"),
        ),
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
