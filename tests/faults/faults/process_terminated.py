"""SIGTERM to one process, as a deployment sends it."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (2.0, 5.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    line, family = bench.some(chance)
    # To the master alone: it tells its workers itself.
    bench.crashed(bench.signal(family[-1:], signal.SIGTERM))
    yield line
