"""The bench's alerts are what it says they are: their shape, their entropy, how many are new."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
import zstandard

from ingest.sources import prometheus
from tests.benchmarks import bodies


def fingerprints(body: bytes) -> list[str]:
    parsed = prometheus.parse(body, datetime.now(UTC), 300)
    assert not parsed.rejected
    return [alert.fingerprint for alert in parsed.alerts]


@pytest.mark.parametrize("mix", ["repeat", "unique"])
def test_shape_and_entropy(mix: bodies.Mix) -> None:
    body = bodies.Bodies(mix, 1000, 1).draw()
    alerts = json.loads(body)
    assert len(alerts) == 1000
    assert {len(alert["labels"]) for alert in alerts} == {8}
    assert {len(alert["annotations"]) for alert in alerts} == {3}
    assert 600 <= len(body) / 1000 <= 700
    assert 7 <= len(body) / len(zstandard.ZstdCompressor(level=1).compress(body)) <= 9


def test_unique_is_never_seen_again() -> None:
    drawn = bodies.Bodies("unique", 500, 1), bodies.Bodies("unique", 500, 2)
    marks = [mark for some in drawn for _ in range(4) for mark in fingerprints(some.draw())]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("batch", [1, 50, 1000])
def test_repeat_is_mostly_known_and_never_in_a_cycle(batch: int) -> None:
    drawn = bodies.Bodies("repeat", batch, 1)
    known = {mark for body in drawn.everything_seen() for mark in fingerprints(body)}
    assert len(known) == bodies.POOL
    bodies_of_it = [drawn.draw() for _ in range(6000 // batch)]
    marks = Counter(mark for body in bodies_of_it for mark in fingerprints(body))
    fresh = sum(times for mark, times in marks.items() if mark not in known)
    assert fresh == pytest.approx(0.05 * marks.total(), abs=1)
    assert batch == 1 or len(set(bodies_of_it)) == len(bodies_of_it)
