"""From a detector's number to a score of 0 to 1 that means the same with every detector.

A score says how rare its number is among the training rows: 0.85 is one in a hundred, 0.94 one in a
thousand, 0.61 one in ten. The rarest twentieth is not counted: there may be anomalies in it. The
tail goes on there as fast as it thins out before, from one in ten to one in fifty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tocsin.scoring.matrices import Matrix

#: What one in a hundred is to be.
ANCHOR, RARITY = 0.85, 0.01
POWER = math.log(1 - ANCHOR) / math.log(RARITY)
#: From here on the tail is not counted but continued.
TAIL = 0.05
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
        thinner = (_rank(ranks, 0.98) - _rank(ranks, 0.9)) / math.log(5)
        # With hardly a tail, a step beyond it is measured with the spread of all.
        return cls(ranks, max(thinner, float(np.std(numbers)) / 10, 1e-6))

    def scores(self, numbers: Matrix) -> Matrix:
        """The scores of a detector's numbers."""
        below = np.searchsorted(self.ranks, numbers, side="left") / POINTS
        start = _rank(self.ranks, 1 - TAIL)
        tail = TAIL * np.exp(-np.maximum(0.0, numbers - start) / self.excess)
        shares = np.where(numbers > start, tail, np.maximum(TAIL, 1 - below))
        return np.asarray(1 - np.clip(shares, 1e-12, 1) ** POWER)


def _rank(ranks: Matrix, share: float) -> float:
    return float(ranks[round(share * (POINTS - 1))])
