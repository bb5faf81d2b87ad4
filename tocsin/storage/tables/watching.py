"""Tocsin watching itself: what its loops last did, and the alerts that it posts to itself."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from tocsin.storage.tables.columns import line, many, when


class Progress(SQLModel, table=True):
    """What each loop of each process did; unlogged, for what is lost is written anew in seconds."""

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    process: str = line(primary_key=True)
    #: "clock.sweep", or the name of a queue.
    loop: str = line(primary_key=True)
    #: By the clock of the machine: tests that travel in time do not make a loop late.
    at: datetime = when()
    done: int = many()
    oldest_due: datetime | None = when(nullable=True)


class Synthetic(SQLModel, table=True):
    """An alert that the watch posted: when, and when its delivery was sent."""

    tenant: int = many(primary_key=True, autoincrement=False)
    #: The number of its period since 1970, so that two clocks post one alert.
    id: int = many(primary_key=True, autoincrement=False)
    fingerprint: str = line()
    source: str = line()
    posted_at: datetime = when()
    arrived_at: datetime | None = when(nullable=True)
