"""A provider answers with a way to the metadata service of a cloud."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (2.0, 6.0)
PROVIDERS = ("webhook", "slack", "twilio")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    provider = chance.choice(PROVIDERS)
    with bench.spoilt(kind="redirect", times=3, provider=provider):
        yield provider
