"""kill -9 of the Redis server; the launcher starts it again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (2.0, 5.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    bench.supervisor.servers["valkey"].process.kill()
    yield "kill -9"
