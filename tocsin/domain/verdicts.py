"""What people's verdicts do to a training: how often each row of the history is learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

#: A verdict is about the rows of its stream within this distance.
NEAR = timedelta(hours=1)
#: So much of the training becomes what is declared noise: enough to be one of the usual things.
SHARE = 0.08


class Lesson(NamedTuple):
    """A row of the history as far as a verdict is concerned."""

    at: datetime
    stream: str


class Verdict(NamedTuple):
    at: datetime
    stream: str
    noise: bool


def weights(lessons: Sequence[Lesson], verdicts: Sequence[Verdict]) -> list[int]:
    """How often each row counts: once; 0 where it is worth a score; often where it is noise.

    The very row of each noise verdict comes to SHARE of the training, and those near it together
    to as much, so that what is like them is usual from then on. Where verdicts disagree about a
    row, worth a score wins: a page too many is better than one too few.
    """
    found = [1] * len(lessons)
    near = _near(lessons, verdicts)
    wanted = math.ceil(SHARE * len(lessons))
    for number, rows in near.items():
        if verdicts[number].noise and rows:
            times = max(1, math.ceil(wanted / len(rows)))
            for row in rows:
                exact = lessons[row].at == verdicts[number].at
                found[row] = max(found[row], wanted if exact else times)
    for number, rows in near.items():
        if not verdicts[number].noise:
            for row in rows:
                found[row] = 0
    return found


def _near(lessons: Sequence[Lesson], verdicts: Sequence[Verdict]) -> Mapping[int, list[int]]:
    by_stream: dict[str, list[int]] = {}
    for number, verdict in enumerate(verdicts):
        by_stream.setdefault(verdict.stream, []).append(number)
    near: dict[int, list[int]] = {number: [] for number in range(len(verdicts))}
    for row, lesson in enumerate(lessons):
        for number in by_stream.get(lesson.stream, ()):
            if abs(lesson.at - verdicts[number].at) <= NEAR:
                near[number].append(row)
    return near
