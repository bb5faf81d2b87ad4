"""Time passes at once, for all: minutes in a quick run, hours in a soak."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (1.0, 3.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    seconds = round(chance.uniform(30, bench.seconds(400, 6 * 3600)))
    bench.travel(seconds)
    yield f"{seconds} s"
