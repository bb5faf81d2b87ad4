"""What a tenant's events are scored with: a detector, how its numbers become scores, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.domain import features
from tocsin.domain.features import Fact, Row
from tocsin.scoring import calibration, detectors
from tocsin.scoring.matrices import Matrix

#: More rows do not make a better model; of more, an even choice.
MAX_ROWS = 20_000
#: Reasons of one score at most.
REASONS = 3
#: What is only a little off never counts as an anomaly, however quiet the history was.
FAINT, STRONG = 0.5, 2.0
#: From here on the size of a feature counts beside what the detector makes of it.
PLAIN = 0.5


@dataclass(frozen=True, slots=True)
class Reason:
    """A feature, what was seen and is usual, and how much it weighs (all reasons add up to 1)."""

    feature: str
    fact: Fact
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """0-1, higher is stranger; None: not scored. 0.85: rarer than one in a hundred."""

    value: float | None
    reasons: tuple[Reason, ...] = ()


UNKNOWN = Score(None)


@dataclass(frozen=True)
class Model:
    """A fitted detector and what its numbers mean. `middle` and `step` (to the ninth tenth) are of
    its numbers for the training rows.

    A detector that counts rows cannot tell far from very far, and one strange feature among ten
    usual ones is lost in it; so the features' own size is added to what it says.
    """

    detector: str
    fitted: Any
    asked: detectors.Asked
    middle: float
    step: float
    curve: calibration.Curve
    rows: int

    def score(self, rows: Sequence[Row]) -> list[Score]:
        """Scores in the order of the rows."""
        if not rows:
            return []
        matrix = np.array([row.values for row in rows])
        parts = self.asked.parts(matrix)
        values = self.scores(matrix)
        return [
            Score(round(float(value), 4), _reasons(row, part))
            for row, part, value in zip(rows, parts, values, strict=True)
        ]

    def scores(self, matrix: Matrix) -> Matrix:
        """The bare numbers, for many rows at once."""
        found = self.curve.scores(self._numbers(matrix))
        strongest = matrix.max(axis=1)
        share = np.clip((strongest - FAINT) / (STRONG - FAINT), 0.0, 1.0)
        return np.asarray(found * (0.5 + 0.5 * share))

    def _numbers(self, matrix: Matrix) -> Matrix:
        return numbers(self.asked.decide(matrix), self.middle, self.step, matrix)


def numbers(decided: Matrix, middle: float, step: float, matrix: Matrix) -> Matrix:
    """What a detector decided, in steps from its middle, and the size of what is unusual."""
    return np.asarray((decided - middle) / step + np.maximum(0.0, matrix - PLAIN).sum(axis=1))


def train(detector: str, rows: Matrix, weights: Matrix | None = None) -> Model:
    """Fit to rows of `features.NAMES`, each counted `weights` times (0: left out)."""
    if weights is not None:
        rows = np.repeat(rows, weights.astype(int), axis=0)
    if len(rows) > MAX_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_ROWS).astype(int)]
    fitted = detectors.fit(detector, rows)
    asked = detectors.asked(fitted)
    decided = asked.decide(rows)
    middle = float(np.median(decided))
    step = max(float(np.quantile(decided, 0.9)) - middle, 1e-6)
    curve = calibration.Curve.of(numbers(decided, middle, step, rows))
    return Model(detector, fitted, asked, middle, step, curve, len(rows))


def _reasons(row: Row, parts: Matrix) -> tuple[Reason, ...]:
    known = [
        (float(part), name)
        for name, value, part in zip(features.NAMES, row.values, parts, strict=True)
        if value > 0 and name in row.facts
    ]
    best = sorted(known, reverse=True)[:REASONS]
    total = sum(max(part, 0.0) for part, _ in best) or 1.0
    return tuple(
        Reason(name, row.facts[name], round(max(part, 0.0) / total, 3)) for part, name in best
    )
