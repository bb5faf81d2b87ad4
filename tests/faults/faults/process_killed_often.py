"""kill -9 of something at every second, whatever it is doing."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (3.5, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    killed: list[str] = []

    def kill() -> None:
        line, family = bench.some(chance)
        killed.append(line)
        bench.crashed(bench.signal(family, signal.SIGKILL))

    with bench.each(1.0, kill):
        yield "whatever comes"
