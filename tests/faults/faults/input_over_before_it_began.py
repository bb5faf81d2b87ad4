"""The end of an alert arrives first, then its beginning; then it really begins anew."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults import client
from tests.faults.bench import Bench

SECONDS = (1.0, 3.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    tenant = chance.choice(bench.tenants)
    name = f"Reversed{chance.randrange(10**6)}"
    now = bench.clock()

    def alerts(began: float, status: str, over: float | None = None) -> list[dict[str, Any]]:
        labels = {"alertname": name, "site": tenant.canary, "severity": "error"}
        ends = client.iso(over) if over is not None else ""
        return [{"labels": {**labels, "n": str(n)}, "startsAt": client.iso(began), "endsAt": ends,
                 "status": status} for n in range(5)]  # fmt: skip

    bench.extra(tenant, alerts(now - 60, "resolved", now - 30), "prometheus")
    bench.extra(tenant, alerts(now - 60, "firing"), "prometheus")
    yield tenant.slug
    bench.extra(tenant, alerts(bench.clock(), "firing"), "prometheus")
