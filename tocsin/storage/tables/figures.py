"""Counters that promise something, and the clock that tests move."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, serial


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
