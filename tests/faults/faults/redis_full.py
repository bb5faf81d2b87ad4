"""Redis is out of memory: it reads, but takes nothing any more."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    with bench.redis() as client:
        client.config_set("maxmemory", 1)
    try:
        yield "maxmemory 1"
    finally:
        with bench.redis() as client:
            client.config_set("maxmemory", 0)
