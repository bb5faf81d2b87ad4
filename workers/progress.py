"""What the loops of a process do, noted in memory and written to the record every few seconds."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from tocsin.storage import progress
from tocsin.storage.record import Record

#: How often a process writes.
EVERY_SECONDS = 5.0


class Progress:
    """The loops of one process. Thread-safe; marking costs nothing worth counting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: Counter[str] = Counter()
        self._at: dict[str, float] = {}

    def expect(self, loops: Iterable[str]) -> None:
        """These begin now: one that never goes round is told of as well."""
        for loop in loops:
            self.alive(loop)

    def loops(self) -> list[str]:
        with self._lock:
            return sorted(self._at)

    def mark(self, loop: str) -> None:
        """This loop went round once more."""
        with self._lock:
            self._at[loop] = time.monotonic()
            self._done[loop] += 1

    def alive(self, loop: str) -> None:
        """It waits for work and would take it; nothing was done."""
        with self._lock:
            self._at[loop] = time.monotonic()

    def write(self, record: Record, oldest: Mapping[str, datetime]) -> None:
        """One upsert for all loops. `oldest` is the time of the oldest due work of a loop."""
        now = time.monotonic()
        with self._lock:
            steps = [
                progress.Step(loop, now - at, self._done[loop], oldest.get(loop))
                for loop, at in sorted(self._at.items())
            ]
        with record.claims() as tx:
            progress.write(tx, process(), steps)


def process() -> str:
    """This process as others call it."""
    return f"{os.uname().nodename}/{os.getpid()}"


def worker() -> str:
    """This thread of it, as the notes of what is held call it."""
    return f"{process()}/{threading.get_native_id()}"


#: Of this process, where it is a worker.
HERE = Progress()
