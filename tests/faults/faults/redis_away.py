"""Redis cannot be reached: connections are refused, or nobody answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (5.0, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    deaf = chance.random() < 0.5
    with bench.redis_door.behaving(proxy.Manner(refuse=not deaf, deaf=deaf)):
        yield "nobody answers" if deaf else "refused"
