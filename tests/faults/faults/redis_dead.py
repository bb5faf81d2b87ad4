"""Redis is gone for good: from the first fault to the last."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (0.0, 0.0)
THROUGHOUT = True


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    with bench.redis_door.behaving(proxy.Manner(refuse=True)):
        yield "throughout"
