"""The way to PostgreSQL takes 200 ms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    with bench.postgres_door.behaving(proxy.Manner(latency=0.1)):
        yield "100 ms each way"
