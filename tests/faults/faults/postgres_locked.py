"""Somebody holds a lock on a whole table, as a careless migration does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (3.0, 10.0)
TABLES = ("alert", "inbox", "delivery", "incident", "timer", "alert_group")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    table = chance.choice(TABLES)
    with bench.owner() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield table
