"""Nothing comes back from PostgreSQL, and no connection ends: a cable that was pulled."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (4.0, 15.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    bench.crashed(len(bench.tenants))
    with bench.postgres_door.behaving(proxy.Manner(deaf=True)):
        yield "nothing passes"
