"""A worker that may open hardly another file: no connection, no pipe."""

from __future__ import annotations

import contextlib
import random
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (3.0, 10.0)
FILES = 64


def missing() -> str:
    return "" if sys.platform == "linux" else "limits of running processes: Linux only"


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    line, family = bench.some(chance, "ingest", "web", "pipeline", "page", "notify")
    before = {}
    for process in family:
        with contextlib.suppress(OSError):
            before[process.pid] = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            hard = before[process.pid][1]
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FILES, hard))
    try:
        yield line
    finally:
        for pid, limits in before.items():
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
