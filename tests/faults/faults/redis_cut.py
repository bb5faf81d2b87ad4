"""Replies of Redis are lost after it has done what was asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    likely = chance.choice((0.01, 0.1))
    with bench.redis_door.behaving(proxy.Manner(swallow=likely)):
        yield f"{likely:.0%} of the replies"
