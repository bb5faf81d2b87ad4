"""A provider is there for a while, gone for a while, and so on."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.bench import Bench

SECONDS = (4.0, 16.0)


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    turns = itertools.cycle((True, False))

    def turn() -> None:
        if next(turns):
            bench.spoil(kind="cut_before")
        else:
            bench.fakes.command(clear="*")

    try:
        with bench.each(bench.seconds(0.5, 2.0), turn):
            yield "all of them"
    finally:
        bench.fakes.command(clear="*")
