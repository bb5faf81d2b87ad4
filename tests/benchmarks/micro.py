"""`make bench-micro`: what the hot functions cost, for a request or a drain of 1000 alerts each.

Not collected by `make test`, where only `test_micro` runs each of them once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import zstandard

import channels
from ingest import sealing
from ingest.sources import prometheus
from schemas.alert import Alert, Batch
from tests.benchmarks import bodies, systems
from tocsin.config import documents
from tocsin.domain import fingerprint, grouping, lifecycle, routing, tags
from tocsin.security import crypto

Benchmark = Callable[..., Any]
NOW = datetime.now(UTC)
MIXES: tuple[bodies.Mix, ...] = ("repeat", "unique")
COUNT = 1000


@pytest.fixture(scope="module")
def alerts() -> list[Alert]:
    """New ones, as the source reads them."""
    return prometheus.parse(bodies.Bodies("unique", COUNT, 1).draw(), NOW, 300).alerts


@pytest.fixture(scope="module")
def sealer() -> crypto.Sealer:
    made = crypto.Sealer(bytes(range(32)))
    made.learn(1, [(1, made.fresh(1))])
    return made


@pytest.mark.parametrize("mix", MIXES)
def test_reading_a_request(benchmark: Benchmark, mix: bodies.Mix) -> None:
    drawn = bodies.Bodies(mix, COUNT, 2)
    for body in drawn.everything_seen():
        prometheus.parse(body, NOW, 300)
    read = benchmark.pedantic(  # type: ignore[attr-defined]
        lambda body: prometheus.parse(body, NOW, 300),
        setup=lambda: ((drawn.draw(),), {}), rounds=50,
    )  # fmt: skip
    assert len(read.alerts) == COUNT


def test_fingerprints(benchmark: Benchmark, alerts: list[Alert]) -> None:
    found = benchmark(fingerprint.fingerprints, [alert.labels for alert in alerts])
    assert found == [alert.fingerprint for alert in alerts]


def test_packing_and_sealing_a_batch(
    benchmark: Benchmark, alerts: list[Alert], sealer: crypto.Sealer
) -> None:
    entry = benchmark(sealing.entry, sealer, 1, "prometheus", alerts, [], None)
    assert entry.accepted.alerts == COUNT


def test_unpacking_a_batch(benchmark: Benchmark, alerts: list[Alert]) -> None:
    packed = zstandard.compress(msgspec.msgpack.encode(Batch("prometheus", alerts)), 1)
    decoder = msgspec.msgpack.Decoder(Batch)
    batch = benchmark(lambda: decoder.decode(zstandard.decompress(packed)))
    assert len(batch.alerts) == COUNT


def test_judging_repeats(benchmark: Benchmark, alerts: list[Alert]) -> None:
    known = [lifecycle.judge(None, alert, NOW).known() for alert in alerts]
    later = NOW + timedelta(seconds=15)
    verdicts = benchmark(
        lambda: [
            lifecycle.judge(stored, alert, later)
            for stored, alert in zip(known, alerts, strict=True)
        ]
    )
    assert {verdict.kind for verdict in verdicts} == {"repeat"}


def test_routing_and_grouping(benchmark: Benchmark, alerts: list[Alert]) -> None:
    document = systems.policy("webhook", f"http://{systems.HOST}:9/hook")
    policy = documents.parse(document, channels.settings_models())

    def placed() -> list[Any]:
        return [
            grouping.group_id(1, route.id, routing.group_labels(route, alert.labels))
            for alert in alerts
            for route in policy.routes(alert.labels)
        ]

    assert len(benchmark(placed)) == COUNT


def test_tags(benchmark: Benchmark, alerts: list[Alert]) -> None:
    found = benchmark(lambda: [tags.of(1, alert.labels.items()) for alert in alerts])
    assert {len(some) for some in found} == {8}
