"""Detectors: pyod fits them, and here is how a fitted one is asked.

ECOD and COPOD sort all of their training rows anew for each question. What they answer depends on
nothing but how many training rows lie on either side of a value, so that two searches in a sorted
column give the same answer a thousand times as fast; `tests/scoring/test_detectors.py` compares.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest

from tocsin import errors
from tocsin.scoring.matrices import Matrix

#: What a policy may write under `scoring: detector`.
NAMES = ("ecod", "copod", "iforest")
#: Trees are grown with this seed: the same history makes the same model.
SEED = 1902
#: What pyod keeps of the fit and never reads again; it is most of its size.
SURPLUS = ("U_l", "U_r", "U_skew", "O", "decision_scores_", "labels_")
#: What says that it is fitted must be there, but may be empty.
_EMPTY = ("decision_scores_", "labels_")


class Asked(Protocol):
    """A fitted detector. Higher is stranger; `parts` says how much each column adds."""

    def decide(self, rows: Matrix) -> Matrix: ...

    def parts(self, rows: Matrix) -> Matrix: ...


def fit(name: str, rows: Matrix) -> Any:
    """Pyod's own detector, fitted to these rows, without what it will not need again."""
    made: Any
    match name:
        case "ecod":
            made = ECOD()
        case "copod":
            made = COPOD()
        case "iforest":
            made = IForest(n_estimators=100, max_samples=min(256, len(rows)), random_state=SEED)
        case _:
            raise errors.TocsinError(f"no detector is called {name!r}: use {', '.join(NAMES)}")
    with warnings.catch_warnings():
        # A column in which nothing happened yet has no skewness; that is no news.
        warnings.simplefilter("ignore", RuntimeWarning)
        made.fit(rows)
    for attribute in SURPLUS:
        if attribute in _EMPTY:
            setattr(made, attribute, np.empty(0))
        elif hasattr(made, attribute):
            delattr(made, attribute)
    return made


def asked(fitted: Any) -> Asked:
    """The way to ask a detector that `fit` made, or that was loaded."""
    if isinstance(fitted, ECOD | COPOD):
        return Tails.of(fitted.X_train, halves=isinstance(fitted, COPOD))
    return Trees(fitted)


@dataclass(frozen=True)
class Tails:
    """ECOD and COPOD by search: -log of the share of training rows at least so far out."""

    columns: tuple[Matrix, ...]
    centre: Matrix
    squares: Matrix
    cubes: Matrix
    logs: Matrix = field(repr=False)
    halves: bool = False

    @classmethod
    def of(cls, train: Matrix, halves: bool) -> Tails:
        centre = train.mean(axis=0)
        off = train - centre
        size = len(train) + 1
        return cls(
            columns=tuple(np.sort(train[:, at]) for at in range(train.shape[1])),
            centre=centre,
            squares=(off**2).sum(axis=0),
            cubes=(off**3).sum(axis=0),
            logs=-np.log(np.arange(1, size + 1) / size),
            halves=halves,
        )

    def decide(self, rows: Matrix) -> Matrix:
        return np.asarray(self.parts(rows).sum(axis=1))

    def parts(self, rows: Matrix) -> Matrix:
        """A row counts as one more beside the training rows, as if it were asked for alone."""
        left, right = np.empty(rows.shape), np.empty(rows.shape)
        for at, column in enumerate(self.columns):
            values = rows[:, at]
            left[:, at] = self.logs[np.searchsorted(column, values, side="right")]
            right[:, at] = self.logs[len(column) - np.searchsorted(column, values, side="left")]
        if not self.halves:
            # pyod's third term is one of the two, or their sum where a column is exactly symmetric.
            return np.maximum(left, right)
        skewness = self._skewness(rows)
        skewed = np.where(skewness > 0, right, np.where(skewness < 0, left, left + right))
        return np.maximum(skewed, (left + right) / 2)

    def _skewness(self, rows: Matrix) -> Matrix:
        """To which side the training rows and the asked one together have their longer tail."""
        size, off = len(self.columns[0]) + 1, rows - self.centre
        shift = off / size
        return np.asarray(
            self.cubes + off * off * off - 3 * shift * (self.squares + off * off)
            + 3 * shift * shift * off - size * shift * shift * shift
        )  # fmt: skip


@dataclass(frozen=True)
class Trees:
    """Isolation forest. It does not say which column was strange, but the columns do."""

    fitted: Any

    def decide(self, rows: Matrix) -> Matrix:
        return np.asarray(self.fitted.decision_function(rows))

    def parts(self, rows: Matrix) -> Matrix:
        return rows
