"""Floods whose alerts were folded."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, when


class Fold(SQLModel, table=True):
    """A time in which the alerts of a tenant were folded; one at a time."""

    __table_args__ = (
        Index("fold_open", "tenant", unique=True, postgresql_where=text("ended_at IS NULL")),
    )
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    began_at: datetime = when()
    ended_at: datetime | None = when(nullable=True)
    alerts: int = many()
    #: The labels that all of them share, as JSON.
    labels: str = Field(sa_column=Column(Text, nullable=False, server_default="{}"))


class FoldedAlert(SQLModel, table=True):
    """An alert that was folded, how often, until it goes its way after the flood."""

    __tablename__ = "folded_alert"
    tenant: int = many(primary_key=True)
    fingerprint: str = line(primary_key=True)
    fold_id: uuid.UUID = Field(primary_key=True)
    times: int
