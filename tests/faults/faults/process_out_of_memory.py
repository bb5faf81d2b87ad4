"""A worker that gets hardly any more memory: what it asks for is refused."""

from __future__ import annotations

import contextlib
import random
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.faults.bench import Bench

SECONDS = (3.0, 10.0)
MORE = 2_000_000


def missing() -> str:
    return "" if sys.platform == "linux" else "limits of running processes: Linux only"


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    line, family = bench.some(chance, "ingest", "pipeline", "page", "notify")
    before = {}
    for process in family:
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            before[process.pid] = resource.prlimit(process.pid, resource.RLIMIT_AS)
            most = process.memory_info().vms + MORE
            resource.prlimit(process.pid, resource.RLIMIT_AS, (most, before[process.pid][1]))
    try:
        yield line
    finally:
        bench.crashed(len(before))
        for pid, limits in before.items():
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_AS, limits)
