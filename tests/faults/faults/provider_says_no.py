"""Slack's way to refuse: 200, with ok:false and a reason that passes by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 12.0)
REASONS = ("internal_error", "fatal_error", "service_unavailable", "ratelimited")


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    reason = chance.choice(REASONS)
    with bench.spoilt(kind="error", error=reason, provider="slack"):
        yield reason
