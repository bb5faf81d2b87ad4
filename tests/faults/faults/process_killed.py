"""kill -9 of one process of the Procfile with its workers, or of a worker alone."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (2.0, 4.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    line, family = bench.some(chance)
    victims = family[:1] if len(family) > 1 and chance.random() < 0.4 else family
    bench.crashed(bench.signal(victims, signal.SIGKILL))
    yield f"{line}: {len(victims)} of {len(family)} processes"
