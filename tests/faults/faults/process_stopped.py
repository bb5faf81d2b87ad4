"""SIGSTOP for longer than a lease, as a long pause of a virtual machine: the zombie wakes later."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (6.0, 25.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    line, family = bench.some(chance, "pipeline", "page", "notify", "clock", "ingest")
    bench.crashed(bench.signal(family, signal.SIGSTOP))
    try:
        yield line
    finally:
        bench.signal(family, signal.SIGCONT)
