"""`python tests/ml/validate_models.py`: is what the scorer calls unusual what a person would?

Feeds labelled streams through the features, the training and the scoring of production, in order
and refitted at the same interval, and compares with two simpler judges: a z-score and chance.
Prints PR-AUC (average precision), and precision and recall at the threshold, for each stream.
Exit code 1 where the scorer does not beat both, over all streams, in PR-AUC.

Other streams: `--streams FILE ...`, JSON lines in the order of time with `at` (RFC 3339),
`alertname`, `service`, and, where there are any, `labels`, `status` (firing, resolved), `value`
and `odd` (true: a person would call it unusual). What comes before `--judge-after` days from the
first line is only learned from; without odd ones after that, a stream cannot be judged.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.ml import streams
from tocsin.domain import features
from tocsin.scoring import replaying

#: Of standard deviations: beyond it, the z-score calls something unusual.
SIGMAS = 3.0
WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well one judge did on one stream."""

    area: float
    precision: float
    recall: float


def average_precision(scores: Sequence[float], odd: Sequence[bool]) -> float:
    """The area under precision over recall, as a sum over the ranks (ties share a rank)."""
    ranked = sorted(zip(scores, odd, strict=True), key=lambda each: -each[0])
    total, hits, seen, area = sum(odd), 0, 0, 0.0
    at = 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        found = sum(label for _, label in ranked[at:end])
        seen, hits = end, hits + found
        area += found / total * hits / seen
        at = end
    return area


def verdict(scores: Sequence[float], odd: Sequence[bool], threshold: float) -> Verdict:
    called = [score >= threshold for score in scores]
    right = sum(mark and label for mark, label in zip(called, odd, strict=True))
    return Verdict(
        average_precision(scores, odd), right / max(1, sum(called)), right / max(1, sum(odd))
    )


def judged(stream: Sequence[streams.Labelled], after: timedelta) -> list[bool]:
    """Which of the stream are judged: what begins to fire after the time of learning."""
    begin = stream[0].at + after
    return [each.status == "firing" and each.at >= begin for each in stream]


def by_scorer(stream: Sequence[streams.Labelled], detector: str) -> list[float]:
    """What production would have said; what it had no score for counts as usual."""
    events = [
        features.Event(each.at, each.alertname, each.service, each.labels, each.status, each.value)
        for each in stream
    ]
    return [each.value or 0.0 for each in replaying.replay(events, detector)]


def by_z_score(stream: Iterable[streams.Labelled]) -> list[float]:
    """The farthest of gap, count in ten minutes and value from their mean so far, by stream."""
    known: defaultdict[tuple[str, str], _Known] = defaultdict(_Known)
    return [known[each.alertname, each.service].take(each) for each in stream]


def by_chance(stream: Sequence[streams.Labelled]) -> list[float]:
    draw = random.Random(7)
    return [draw.random() for _ in stream]


class _Known:
    """Running mean and deviation of what one stream did, by Welford's formula."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[int, float, float]] = {}
        self._recent: list[datetime] = []

    def take(self, each: streams.Labelled) -> float:
        if each.status != "firing":
            return 0.0
        seen = dict(self._measured(each))
        far = max((self._far(name, value) for name, value in seen.items()), default=0.0)
        for name, value in seen.items():
            n, mean, squares = self._sums.get(name, (0, 0.0, 0.0))
            step = value - mean
            mean += step / (n + 1)
            self._sums[name] = (n + 1, mean, squares + step * (value - mean))
        return far

    def _measured(self, each: streams.Labelled) -> Iterator[tuple[str, float]]:
        if self._recent:
            yield "gap", math.log1p((each.at - self._recent[-1]).total_seconds())
        self._recent = [at for at in self._recent if each.at - at < WINDOW] + [each.at]
        yield "count", float(len(self._recent))
        if each.value is not None:
            yield "value", each.value

    def _far(self, name: str, value: float) -> float:
        n, mean, squares = self._sums.get(name, (0, 0.0, 0.0))
        if n < 10 or squares <= 0:
            return 0.0
        return abs(value - mean) / math.sqrt(squares / n)


def read(path: Path) -> list[streams.Labelled]:
    """A stream from JSON lines."""
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    made = [
        streams.Labelled(
            datetime.fromisoformat(row["at"]), row["alertname"], row["service"],
            row.get("labels") or {}, row.get("status", "firing"), row.get("value"),
            bool(row.get("odd")),
        )
        for row in rows
    ]  # fmt: skip
    return sorted(made, key=lambda each: each.at)


def chosen(options: argparse.Namespace) -> Iterator[tuple[str, list[streams.Labelled]]]:
    if options.streams:
        yield from ((path.stem, read(path)) for path in options.streams)
        return
    for kind in streams.KINDS:
        for seed in options.seeds:
            yield f"{kind} {seed}", streams.stream(kind, seed)


def judge(
    name: str, stream: list[streams.Labelled], options: argparse.Namespace
) -> dict[str, Verdict] | None:
    """What each judge makes of a stream; None where nothing in it can be judged."""
    mask = judged(stream, timedelta(days=options.judge_after))
    odd = [each.odd for each, mine in zip(stream, mask, strict=True) if mine]
    if not any(odd):
        print(f"{name:<16} nothing odd to be found: not judged")
        return None

    def of(scores: Sequence[float], threshold: float) -> Verdict:
        kept = [score for score, mine in zip(scores, mask, strict=True) if mine]
        return verdict(kept, odd, threshold)

    return {
        options.detector: of(by_scorer(stream, options.detector), options.threshold),
        "z-score": of(by_z_score(stream), SIGMAS),
        "chance": of(by_chance(stream), options.threshold),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--detector", choices=("ecod", "copod", "iforest"), default="ecod")
    parser.add_argument("--threshold", type=float, default=0.85)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--streams", type=Path, nargs="*", help="JSON lines instead of our own")
    parser.add_argument("--judge-after", type=float, default=float(streams.QUIET_DAYS))
    options = parser.parse_args(arguments)
    areas: defaultdict[str, list[float]] = defaultdict(list)
    print(f"{'stream':<16} {'judge':<8} {'PR-AUC':>7} {'precision':>10} {'recall':>7}")
    for name, stream in chosen(options):
        for judge_name, made in (judge(name, stream, options) or {}).items():
            areas[judge_name].append(made.area)
            print(f"{name:<16} {judge_name:<8} {made.area:7.3f} {made.precision:10.2f}"
                  f" {made.recall:7.2f}", flush=True)  # fmt: skip
    if not areas:
        print("nothing was judged", file=sys.stderr)
        return 1
    means = {name: statistics.fmean(each) for name, each in areas.items()}
    print("mean PR-AUC      " + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items()))
    best = max(mean for name, mean in means.items() if name != options.detector)
    return 0 if means[options.detector] > best else 1


if __name__ == "__main__":
    sys.exit(main())
