"""The load generator as the bench sees it: a process that is told line by line what to do."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from tests.benchmarks import bodies, load, systems

#: glibc would give each body's memory back to the kernel and fetch it again.
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_TOP_PAD_": "16777216",
}
_runs = itertools.count(int(time.time()))


@dataclass(frozen=True)
class Work:
    """What is posted: so many alerts a request of one mix, of a pool that may be known already."""

    mix: bodies.Mix
    batch: int
    pool: int = bodies.POOL
    known: bool = False

    @property
    def name(self) -> str:
        return f"{self.mix} x {self.batch}"

    @property
    def connections(self) -> int:
        return 4 if self.batch >= 1000 else 16


class Client:
    """A running load generator, connected and ready."""

    def __init__(self, told: IO[str], says: IO[str]) -> None:
        self._told, self._says = told, says

    def warm(self) -> load.Result:
        self.tell("warm")
        return self.result()

    def tell(self, line: str) -> None:
        print(line, file=self._told, flush=True)

    def hear(self) -> str:
        line = self._says.readline()
        if not line:
            raise RuntimeError("the load generator ended; see what it said above")
        return line

    def result(self) -> load.Result:
        """What came of the last thing it was told, once it is done."""
        return load.Result(**json.loads(self.hear()))


@contextmanager
def running(
    target: systems.Target, work: Work, seconds: float, rate: float = 0.0, alerts: int = 0
) -> Iterator[Client]:
    """Start one for so many seconds of load, at `rate` alerts a second or as fast as it goes.

    `alerts`: it ends after so many; 0: when the time is over.
    """
    order = load.Order(
        systems.HOST, target.port, systems.PATH, list(target.tokens), work.mix, work.batch,
        work.connections, seconds, next(_runs), rate, alerts, pool=work.pool, known=work.known,
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | _MALLOC,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        made = Client(process.stdin, process.stdout)
        try:
            made.tell(json.dumps(asdict(order)))
            made.hear()
            yield made
        finally:
            process.kill()
