"""A history as it would have been scored: the same features, refitted at the same intervals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from tocsin.domain import features, verdicts
from tocsin.domain.features import Event, Memory, Row
from tocsin.scoring import models
from tocsin.scoring.matrices import Matrix
from tocsin.scoring.models import UNKNOWN, Model, Score

INTERVAL = timedelta(hours=6)
#: History that a model is fitted to, and the fewest rows that make one.
SPAN = timedelta(days=30)
MIN_HISTORY = 200
#: Rows of one stream and hour that are learnt from: a storm is one event, not thousands.
PER_HOUR = 5


@dataclass
class Lessons:
    """The rows that a model is fitted to, the latest last."""

    kept: deque[tuple[verdicts.Lesson, Row]] = field(default_factory=deque)
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, event: Event, row: Row) -> bool:
        """Take a row in, unless its stream is hardly known or has enough of them in this hour."""
        if not row.settled or event.status == "tick":
            return False
        name = features.key(*event.stream)
        hour = int(event.at.timestamp() // 3600)
        last, count = self._counts.get(name, (hour, 0))
        count = count + 1 if last == hour else 1
        self._counts[name] = (hour, count)
        if count > PER_HOUR:
            return False
        self.keep(event, row)
        return True

    def keep(self, event: Event, row: Row) -> None:
        """Take a row in whatever it is."""
        self.kept.append((verdicts.Lesson(event.at, features.key(*event.stream)), row))

    def lessons(self) -> list[verdicts.Lesson]:
        return [lesson for lesson, _ in self.kept]

    def since(self, start: datetime) -> None:
        """Forget what is older."""
        while self.kept and self.kept[0][0].at < start:
            self.kept.popleft()

    def matrix(self) -> Matrix:
        return np.array([row.values for _, row in self.kept])


def replay(
    events: Iterable[Event],
    detector: str = "ecod",
    warmup: int = MIN_HISTORY,
    interval: timedelta = INTERVAL,
) -> list[Score]:
    """The score that each event would have got when it came, in their order.

    ``warmup`` is how many rows there must be before anything is scored. A model is fitted at the
    first event after each interval, to what came before it.
    """
    memory, lessons = Memory(), Lessons()
    model: Model | None = None
    fitted_at: datetime | None = None
    scores: list[Score] = []
    waiting: list[Row] = []
    for event in events:
        if len(lessons.kept) >= warmup and (fitted_at is None or event.at >= fitted_at + interval):
            scores += model.score(waiting) if model else [UNKNOWN] * len(waiting)
            waiting = []
            lessons.since(event.at - SPAN)
            model, fitted_at = models.train(detector, lessons.matrix()), event.at
        row = features.observe(memory, event)
        waiting.append(row)
        lessons.add(event, row)
    return scores + (model.score(waiting) if model else [UNKNOWN] * len(waiting))
