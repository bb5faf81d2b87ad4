"""Storms: how many new alerts came lately, the storms that began, and who heard of them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import fraction, line, many, when


def _json(default: str) -> Column[str]:
    return Column(Text, nullable=False, server_default=default)


class StormMeter(SQLModel, table=True):
    """How much came lately (`level` at `at`), and what of it since `since`."""

    __tablename__ = "storm_meter"
    tenant: int = many(primary_key=True)
    at: datetime = when()
    level: float = fraction()
    #: When more than half of what begins a storm last came while one was under way.
    loud_at: datetime | None = when(nullable=True)
    since: datetime | None = when(nullable=True)
    alerts: int = many()
    #: [label, value, alerts] of the most frequent, as JSON.
    labels: str = Field(sa_column=_json("[]"))


class Storm(SQLModel, table=True):
    """A storm; one at a time. `closed_at`: its incident is over too, and that was told."""

    __table_args__ = (
        Index("storm_open", "tenant", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("storm_left", "tenant", postgresql_where=text("closed_at IS NULL")),
        Index("storm_incident", "tenant", "incident_id"),
    )
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    began_at: datetime = when()
    ended_at: datetime | None = when(nullable=True)
    #: Who ended it; NULL: it was over.
    ended_by: str | None = line(nullable=True)
    #: When its end was told.
    digest_at: datetime | None = when(nullable=True)
    closed_at: datetime | None = when(nullable=True)
    #: When somebody looks at it next; alerts are not held back for one that nobody looks at.
    due_at: datetime = when()
    #: The incident of what is folded; NULL: nothing is.
    incident_id: uuid.UUID | None = None
    #: Since when its alerts are counted, how many came, and [label, value, alerts] as JSON: all as
    #: they were at its end; until then the meter has them.
    since: datetime | None = when(nullable=True)
    alerts: int = many()
    labels: str = Field(sa_column=_json("[]"))


class StormGroup(SQLModel, table=True):
    """A group in a storm: so many of its alerts were folded, or they passed beside it."""

    __tablename__ = "storm_group"
    tenant: int = many(primary_key=True)
    storm_id: uuid.UUID = Field(primary_key=True)
    group_id: uuid.UUID = Field(primary_key=True)
    #: How many of its changes were folded.
    alerts: int = many()
    #: When critical alerts of it were told beside the storm.
    passed_at: datetime | None = when(nullable=True)
    #: When somebody took it out of the storm, and who.
    promoted_at: datetime | None = when(nullable=True)
    promoted_by: str | None = line(nullable=True)


class StormTold(SQLModel, table=True):
    """What the channels of a receiver heard of a storm."""

    __tablename__ = "storm_told"
    tenant: int = many(primary_key=True)
    storm_id: uuid.UUID = Field(primary_key=True)
    receiver: str = line(primary_key=True)
    #: The group, without members, in whose line of deliveries its messages stand.
    group_id: uuid.UUID
    told_at: datetime = when()
    times: int
    #: How many of its alerts had been folded by then.
    alerts: int = many()
    #: The generation of the incident that was shown last.
    shown: int
