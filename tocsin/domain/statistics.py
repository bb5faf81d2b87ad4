"""Figures over many values. A percentile is a value that occurred (nearest rank), never between."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def percentile(values: Iterable[float], percent: float) -> float | None:
    """The smallest value that at least so many percent are not above; None of no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(1, math.ceil(percent / 100 * len(ordered))) - 1]


def mean(values: Sequence[float]) -> float | None:
    """The sum by the number; None of no values."""
    return math.fsum(values) / len(values) if values else None


def share(part: int, whole: int) -> float | None:
    """Between 0 and 1; None of nothing."""
    return part / whole if whole else None
