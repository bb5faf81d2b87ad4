"""Somebody else takes all of the processor."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (3.0, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    hogs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(os.cpu_count() or 2)
    ]
    try:
        yield f"{len(hogs)} processors"
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
