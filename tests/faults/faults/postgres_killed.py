"""kill -9 of every process of PostgreSQL; the launcher starts it again."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.faults.bench import Bench

SECONDS = (3.0, 8.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    master = psutil.Process(bench.supervisor.servers["postgres"].process.pid)
    killed = bench.signal([master, *master.children(recursive=True)], signal.SIGKILL)
    bench.crashed(killed)
    yield f"kill -9 of {killed} processes"
