"""A provider answers 500."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 30.0)
PROVIDERS = ("*", "webhook", "slack", "twilio")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    provider = chance.choice(PROVIDERS)
    with bench.spoilt(kind="status", status=500, provider=provider):
        yield provider
