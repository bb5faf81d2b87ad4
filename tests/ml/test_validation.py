"""The judge of the scorer counts as others do, and the scorer stands before it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from sklearn import metrics

from tests.ml import streams, validate_models


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_that_of_sklearn(seed: int) -> None:
    draw = random.Random(seed)
    scores = [round(draw.random(), 1) for _ in range(200)]
    odd = [draw.random() < score for score in scores]
    area = validate_models.average_precision(scores, odd)
    assert area == pytest.approx(metrics.average_precision_score(odd, scores))


@pytest.mark.parametrize("kind", ["storms", "rare labels"])
def test_the_scorer_beats_both_judges(kind: str, tmp_path: Path) -> None:
    """Where a stream comes from a file as well: what others bring is judged alike."""
    file = tmp_path / "stream.jsonl"
    lines = [
        json.dumps({
            "at": each.at.isoformat(), "alertname": each.alertname, "service": each.service,
            "labels": each.labels, "status": each.status, "value": each.value, "odd": each.odd,
        })
        for each in streams.stream(kind, 3)
    ]  # fmt: skip
    file.write_text("\n".join(lines))
    assert validate_models.main(["--streams", str(file)]) == 0


def test_it_fails_where_there_is_nothing_to_judge(tmp_path: Path) -> None:
    file = tmp_path / "usual.jsonl"
    file.write_text('{"at": "2026-01-01T00:00:00Z", "alertname": "A", "service": "s"}')
    assert validate_models.main(["--streams", str(file)]) == 1
