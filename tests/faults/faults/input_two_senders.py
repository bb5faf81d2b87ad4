"""A pair of Prometheus servers: the same alerts, seen two seconds apart, labels in any order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults import client, world
from tests.faults.bench import Bench

SECONDS = (1.5, 4.0)
ROUNDS = 5


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    tenant = chance.choice(bench.tenants)
    name = f"Pair{chance.randrange(10**6)}"
    now = bench.clock()
    senders = [
        threading.Thread(target=sender, args=(bench, tenant, name, now - 10 + later))
        for later in (0.0, 2.0)
    ]
    for thread in senders:
        thread.start()
    yield tenant.slug
    for thread in senders:
        thread.join()


def sender(bench: Bench, tenant: world.Tenant, name: str, began: float) -> None:
    for _ in range(ROUNDS):
        bench.extra(tenant, [seen(tenant, name, n, began) for n in range(10)], "prometheus")


def seen(tenant: world.Tenant, name: str, number: int, began: float) -> dict[str, Any]:
    labels = {"site": tenant.canary, "alertname": name, "severity": "error", "n": str(number)}
    # Every whole second another order; the identity is the same.
    names = sorted(labels, reverse=int(began) % 2 == 0)
    return {
        "labels": {each: labels[each] for each in names}, "startsAt": client.iso(began),
        "endsAt": "", "status": "firing",
    }  # fmt: skip
