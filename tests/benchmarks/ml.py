"""How many rows are scored in a second, in batches and singly; exit 1 where that is too few."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from tocsin.domain import features
from tocsin.scoring import detectors, models

#: What is wanted of the default detector.
BATCH, SINGLE = 100_000, 1_000
TRAINED, ASKED = 3_000, 100_000


def rate(work: Callable[[], int]) -> float:
    """Rows a second, the best of three."""
    found = []
    for _ in range(3):
        started = time.perf_counter()
        count = work()
        found.append(count / (time.perf_counter() - started))
    return max(found)


def rows() -> Iterator[npt.NDArray[np.float64]]:
    """What a model is trained with, and what it is asked, always the same."""
    chance = np.random.default_rng(1)
    wide = len(features.NAMES)
    for count in (TRAINED, ASKED):
        yield np.maximum(0.0, chance.normal(-1.0, 1.0, (count, wide)))


def main() -> int:
    train, asked = rows()
    short = 0
    for name in detectors.NAMES:
        model = models.train(name, train)
        some = asked if name != "iforest" else asked[:10_000]
        batch = rate(lambda model=model, some=some: len(model.scores(some)))  # type: ignore[misc]
        ones = 500 if name != "iforest" else 20
        single = rate(
            lambda model=model, ones=ones: sum(  # type: ignore[misc]
                len(model.scores(asked[at : at + 1])) for at in range(ones)
            )
        )
        judged = name == "ecod"
        missed = judged and (batch < BATCH or single < SINGLE)
        short += missed
        wanted = f"  (wanted: {BATCH:,} and {SINGLE:,})" if judged else ""
        print(f"{name:8} {batch:>12,.0f} rows/s in batches {single:>9,.0f} singly{wanted}")
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
