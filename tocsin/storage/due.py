"""What is due, across all tenants: for the sweep, and for whoever asks whether we keep up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tocsin.storage.record import Transaction


class Due(NamedTuple):
    """Work that waits.

    `kind` is "inbox" (work: the stage), "timer" (its kind), "lookup" (the actor), else a queue.
    """

    work: str
    kind: str
    oldest: datetime


def now(tx: Transaction) -> list[Due]:
    found = tx.rows("SELECT work, queue, oldest FROM due_work()")
    return [Due(row["work"], row["queue"], row["oldest"]) for row in found]


def following(tx: Transaction) -> datetime | None:
    """When the next timer or delivery falls due."""
    row = tx.row("SELECT next_due() AS at")
    return row["at"] if row else None


def late(tx: Transaction) -> list[Due]:
    """What is due and nobody is at it; what waits for good reason is left out."""
    found = tx.rows("SELECT work, queue, oldest FROM late_work()")
    return [Due(row["work"], row["queue"], row["oldest"]) for row in found]


def oldest(waiting: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    """The earliest moment of each name."""
    found: dict[str, datetime] = {}
    for name, at in waiting:
        found[name] = min(at, found.get(name, at))
    return found
