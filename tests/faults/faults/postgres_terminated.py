"""Connections to PostgreSQL are ended at random, five times a second."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)
END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename = 'tocsin_service' ORDER BY (state = 'idle'), random() LIMIT 1"
)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    def end() -> None:
        bench.crashed(len(bench.sql(END)))

    with bench.each(0.2, end):
        yield "one each 200 ms"
