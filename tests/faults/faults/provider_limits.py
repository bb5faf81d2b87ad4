"""A provider answers 429, and says how long to wait, or something odd instead."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (3.0, 12.0)
AFTER = ("1", "60", "soon", "-5", "Wed, 21 Oct 2065 07:28:00 GMT", "")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    after = chance.choice(AFTER)
    provider = chance.choice(("webhook", "slack", "twilio"))
    headers = {"retry-after": after} if after else {}
    with bench.spoilt(kind="status", status=429, headers=headers, provider=provider):
        yield f"{provider}: Retry-After {after!r}"
