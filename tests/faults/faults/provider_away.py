"""No provider can be reached: the way out of the house is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import proxy
from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    deaf = chance.random() < 0.5
    bench.crashed(len(bench.tenants))
    with bench.providers.behaving(proxy.Manner(refuse=not deaf, deaf=deaf)):
        yield "nobody answers" if deaf else "refused"
