"""Answers of PostgreSQL are lost: at random, or just that of a commit, or the commit itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)
MANNERS = {
    "1 % of the answers": proxy.Manner(swallow=0.01),
    "the answers to 20 % of the commits": proxy.Manner(swallow=0.2, mark=b"COMMIT"),
    "20 % of the commits": proxy.Manner(drop=0.2, mark=b"COMMIT"),
}


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    which = chance.choice(sorted(MANNERS))
    before = bench.postgres_door.cuts
    try:
        with bench.postgres_door.behaving(MANNERS[which]):
            yield which
    finally:
        bench.crashed(bench.postgres_door.cuts - before)
