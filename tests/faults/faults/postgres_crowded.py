"""Hardly a connection to PostgreSQL is left, and those that are there are ended."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)
LEFT = 3
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tocsin_service'"


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    bench.sql(f"ALTER ROLE tocsin_service CONNECTION LIMIT {LEFT}")
    try:
        bench.crashed(len(bench.sql(END)))
        yield f"{LEFT} connections"
    finally:
        bench.sql("ALTER ROLE tocsin_service CONNECTION LIMIT -1")
