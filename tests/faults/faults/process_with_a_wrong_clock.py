"""Some workers believe in another time: a host whose clock jumps, forward and back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.bench import Bench
from tests.faults.load import CLOCK_FILE

SECONDS = (5.0, 15.0)
#: Dramatiq takes workers for dead that it has not heard of for ten seconds.
JUMPS = (61, 7200, -300)
#: Who has the wrong clock: one of each, so that the others are right.
WHO = ("pipeline.2", "page.2", "notify.2")
NAME = "process_with_a_wrong_clock"


def prepare(bench: Bench) -> None:
    file = bench.home.parent / "clock"
    file.write_text("0")
    bench.supervisor.private |= {name: {CLOCK_FILE: str(file)} for name in WHO}
    bench.prepared[NAME] = file


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    file: Path = bench.prepared[NAME]
    jump = chance.choice(JUMPS)
    file.write_text(str(jump))
    try:
        yield f"{jump} s"
    finally:
        file.write_text("0")
