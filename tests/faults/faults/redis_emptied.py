"""FLUSHALL, again and again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (2.0, 6.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    def empty() -> None:
        with bench.redis() as client:
            client.flushall()

    empty()
    with bench.each(0.5, empty):
        yield "FLUSHALL"
