"""From a detector's number to a score of 0 to 1 that means the same with every detector.

A score says how rare its number is among the training rows: 0.85 is one in a hundred, 0.94 one in a
thousand, 0.61 one in ten. Beyond the rarest fiftieth the training has too few rows to count; there
the tail goes on as an exponential one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tocsin.scoring import Matrix

#: What one in a hundred is to be.
ANCHOR, RARITY = 0.85, 0.01
POWER = math.log(1 - ANCHOR) / math.log(RARITY)
#: From here on the tail is not counted but continued.
TAIL = 0.02
#: Points of the curve that are stored.
POINTS = 1001


@dataclass(frozen=True)
class Curve:
    """Training numbers at even steps of their rank, and how fast they thin out at the end."""

    ranks: Matrix
    excess: float

    @classmethod
    def of(cls, numbers: Matrix) -> Curve:
        ranks = np.quantile(numbers, np.linspace(0, 1, POINTS))
        start = np.quantile(numbers, 1 - TAIL)
        beyond = numbers[numbers > start] - start
        # With hardly a tail, a step beyond it is measured with the spread of all.
        spread = float(np.std(numbers)) or 1.0
        return cls(ranks, max(float(beyond.mean()) if len(beyond) else 0.0, spread / 10, 1e-6))

    def scores(self, numbers: Matrix) -> Matrix:
        """The scores of a detector's numbers."""
        below = np.searchsorted(self.ranks, numbers, side="left") / POINTS
        start = self.ranks[round((1 - TAIL) * (POINTS - 1))]
        tail = TAIL * np.exp(-np.maximum(0.0, numbers - start) / self.excess)
        shares = np.where(numbers > start, tail, np.maximum(TAIL, 1 - below))
        return np.asarray(1 - np.clip(shares, 1e-12, 1) ** POWER)
