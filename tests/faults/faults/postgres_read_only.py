"""PostgreSQL answers but takes no writes, as a replica does that nobody promoted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 10.0)
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tocsin_service'"


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    bench.sql("ALTER ROLE tocsin_service SET default_transaction_read_only = on")
    try:
        bench.crashed(len(bench.sql(END)))
        yield "default_transaction_read_only"
    finally:
        bench.sql("ALTER ROLE tocsin_service RESET default_transaction_read_only")
        bench.crashed(len(bench.sql(END)))
