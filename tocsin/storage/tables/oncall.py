"""Who stands in for whom: the part of on-call schedules that is not in the policy."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlmodel import Field, Index, SQLModel

from tocsin.storage.tables.columns import line, many, when


class ScheduleOverride(SQLModel, table=True):
    """A person who is on call from `starts_at` to before `ends_at`, or `ended_at` if sooner."""

    __tablename__ = "schedule_override"
    __table_args__ = (Index("schedule_override_ends", "tenant", "ends_at"),)
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    schedule: str = line()
    person: str = line()
    starts_at: datetime = when()
    ends_at: datetime = when()
    created_by: str = line()
    created_at: datetime = when()
    note: str = line()
    #: When somebody ended it before its time, or called it off before it began.
    ended_at: datetime | None = when(nullable=True)
