"""A provider takes the request and never answers, having acted or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 15.0)
PROVIDERS = ("webhook", "slack", "twilio")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    provider = chance.choice(PROVIDERS)
    kind = chance.choice(("hang", "hang_after"))
    bench.crashed(len(bench.tenants))
    with bench.spoilt(kind=kind, provider=provider):
        yield f"{provider}: {kind}"
