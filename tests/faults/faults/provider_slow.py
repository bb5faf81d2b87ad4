"""A provider answers, but only after seconds."""

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
    with bench.spoilt(kind="none", latency=bench.seconds(2.0, 5.0), provider=provider):
        yield provider
