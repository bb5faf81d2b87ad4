"""A provider acts, and its answer has no end, or is no answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (3.0, 8.0)
PROVIDERS = ("webhook", "slack", "twilio")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    provider = chance.choice(PROVIDERS)
    kind = chance.choice(("huge", "drip", "short", "bad_json"))
    bench.crashed(len(bench.tenants))
    with bench.spoilt(kind=kind, provider=provider):
        yield f"{provider}: {kind}"
