"""Two weeks that the demo pretends to have seen, so that there is something to be unusual against.

Written straight into the record as resolved history: nobody is told of it, and no figure of the
demo counts it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson

from tocsin.demo import script
from tocsin.domain import fingerprint
from tocsin.storage import alerts, events, models
from tocsin.storage.record import Record

DAYS = 14
#: What came, in which service and cluster, and how often a day.
USUAL = (
    ("SlowRequests", "search", "eu-1", "warning", 9.0),
    ("HighErrorRate", "checkout", "eu-1", "warning", 4.0),
    ("QueueLag", "queue", "eu-1", "warning", 6.0),
    ("SlowQueries", "orders-db", "eu-2", "info", 5.0),
    ("CertificateRenewed", "gateway", "eu-1", "info", 2.0),
)
#: Rows of one statement.
_PAGE = 1000


def write(record: Record, tenant: int, now: datetime, seed: int = 1) -> int:
    """Store the past of a tenant and ask for a model of it; returns how many changes it has."""
    told = sorted(_changes(random.Random(seed), now), key=lambda each: each["received_at"])
    kept = [_alert(tenant, labels, now) for labels in _labels()]
    with record.session([tenant]) as tx:
        alerts.insert(tx, kept)
        rows = iter({"tenant": tenant, **each} for each in told)
        while page := list(itertools.islice(rows, _PAGE)):
            events.insert(tx, page)
        models.ask(tx, tenant)
    return len(told)


def _labels() -> list[dict[str, str]]:
    return [script.labels(name, service, cluster, severity)
            for name, service, cluster, severity, _ in USUAL]  # fmt: skip


def _changes(draw: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    for (*_, severity, rate), labels in zip(USUAL, _labels(), strict=True):
        mark = fingerprint.fingerprint(labels)
        at = now - timedelta(days=DAYS)
        while (at := at + timedelta(days=draw.expovariate(rate))) < now - timedelta(hours=3):
            over = at + timedelta(minutes=draw.uniform(2, 20))
            for kind, moment in (("refired", at), ("resolved", over)):
                yield {
                    "received_at": moment, "fingerprint": mark, "kind": kind,
                    "status": "resolved" if kind == "resolved" else "firing",
                    "severity": severity, "posted": True, "policy_version": None,
                    "outcome": "notified", "cause": None,
                }  # fmt: skip
            at = over


def _alert(tenant: int, labels: dict[str, str], now: datetime) -> dict[str, Any]:
    began, over = now - timedelta(days=DAYS), now - timedelta(hours=2)
    return {
        "tenant": tenant, "fingerprint": fingerprint.fingerprint(labels), "status": "resolved",
        "severity": labels["severity"], "labels": orjson.dumps(labels).decode(),
        "annotations": "{}", "source": "demo", "generator_url": "", "starts_at": began,
        "ends_at": over, "expires_at": None, "count": 1, "first_seen": began, "last_seen": over,
    }  # fmt: skip
