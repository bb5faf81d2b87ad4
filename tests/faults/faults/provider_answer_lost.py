"""A provider acts, and then the connection is reset: nobody knows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)
PROVIDERS = ("*", "webhook", "slack", "twilio")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    provider = chance.choice(PROVIDERS)
    bench.crashed(len(bench.tenants))
    with bench.spoilt(kind="cut_after", provider=provider):
        yield provider
