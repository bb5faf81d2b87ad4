"""An alert that kills whoever works on it, beside others that must not suffer.

A row that was in dead hands is taken up again after fifteen seconds, and given up after the fifth
time; the bench makes its notes look older, so that it need not wait that long.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.faults import client, load
from tests.faults.bench import Bench

SECONDS = (1.0, 3.0)
AGED = "UPDATE drain_note SET noted_at = noted_at - interval '1 minute' WHERE worker = %s"


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    tenant = chance.choice(bench.tenants)
    number = chance.randrange(10**6)
    labels = {"alertname": f"Poison{number}", "site": tenant.canary, "severity": "error"}
    base = {"startsAt": client.iso(bench.clock()), "endsAt": "", "status": "firing"}
    bench.crashed(10)
    bench.extra(tenant, [{"labels": {**labels, load.POISON: "yes"}, **base}], "prometheus")
    bench.extra(tenant, [{"labels": {**labels, "n": "innocent"}, **base}], "prometheus")
    bench.ageing.append(lambda: age(bench))
    yield tenant.slug


def age(bench: Bench) -> None:
    """Let the notes of processes that are no more be old."""
    for (worker,) in bench.sql("SELECT worker FROM drain_note WHERE ids <> '{}'"):
        if not psutil.pid_exists(int(worker.split("/")[1])):
            bench.sql(AGED, worker)
