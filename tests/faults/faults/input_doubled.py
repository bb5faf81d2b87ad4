"""A sender posts the same thing ten times at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import client
from tests.faults.bench import Bench

SECONDS = (1.0, 3.0)
TIMES = 10


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    tenant = chance.choice(bench.tenants)
    name = f"Doubled{chance.randrange(10**6)}"
    starts = client.iso(bench.clock())
    batch = [
        {"labels": {"alertname": name, "n": str(n), "site": tenant.canary, "severity": "error"},
         "startsAt": starts, "endsAt": "", "status": "firing"}
        for n in range(20)
    ]  # fmt: skip
    threads = [
        threading.Thread(target=bench.extra, args=(tenant, batch, "alertmanager"))
        for _ in range(TIMES)
    ]
    for thread in threads:
        thread.start()
    yield tenant.slug
    for thread in threads:
        thread.join()
