"""What has a bound of its own and no peer: memory, bytes, starts, single parts of the way."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import accounting, cells, ml, ours
from tocsin.scoring import models


@dataclass(frozen=True)
class Bound:
    """`least`: the figure must be no less than the limit; otherwise no more."""

    what: str
    limit: float
    unit: str
    least: bool = False

    def row(self, figure: float | None) -> dict[str, Any]:
        """As it stands in bench.json; a figure that could not be taken is a target missed."""
        met = figure is not None and (figure >= self.limit if self.least else figure <= self.limit)
        return {
            "what": self.what, "figure": None if figure is None else round(figure, 2),
            "unit": self.unit, "target": f"{'>=' if self.least else '<='} {self.limit:,g}",
            "met": met,
        }  # fmt: skip


INGEST = Bound("memory of the ingest", 150, "MB")
PIPELINE = Bound("memory of the largest pipeline process", 300, "MB")
BYTES = Bound("database, for each stored alert", 2_000, "bytes")
STORM = Bound("critical page in a storm of 50,000, p99", 2_000, "ms")
START = Bound("`tocsin up` with this data, until ready", 4, "s")
IMPORT = Bound("import of the ingest", 0.4, "s")
SCORING = Bound("scored in batches, default detector", 300_000, "rows/s", least=True)


def of_installation(installation: ours.Ours) -> list[dict[str, Any]]:
    """What the installation came to, after all that was done to it."""
    roots = installation.roots()
    return [
        INGEST.row(_megabytes(roots["ingest"])),
        PIPELINE.row(max(_megabytes([pid]) for pid in roots["pipeline"])),
        BYTES.row(installation.bytes_an_alert()),
    ]


def of_parts() -> list[dict[str, Any]]:
    """What needs no installation."""
    return [IMPORT.row(_import_seconds()), SCORING.row(_scored())]


def storm(figures: cells.Figures) -> dict[str, Any]:
    """A page of which any never came is no figure."""
    return STORM.row(None if figures.notes else figures.p99_ms)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    width = max((len(row["what"]) for row in rows), default=0)
    return "\n".join(
        f"{row['what']:{width}}  {_shown(row['figure']):>12} {row['unit']:7}"
        f"  {'yes' if row['met'] else 'NO':3}  {row['target']}"
        for row in rows
    )


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,.10g}"


def _megabytes(pids: list[int]) -> float:
    return accounting.of_trees(pids).memory / 1e6


def _import_seconds() -> float:
    """Beyond what Python itself needs to start; the best of five, since the rest is the machine."""

    def run(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    return min(run("import ingest.app") for _ in range(5)) - min(run("") for _ in range(5))


def _scored() -> float:
    train, asked = ml.rows()
    model = models.train("ecod", train)
    return ml.rate(lambda: len(model.scores(asked)))
