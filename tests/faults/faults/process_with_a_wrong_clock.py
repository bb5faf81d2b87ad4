"""Some processes believe in another time: a host whose clock jumps, forward and back.

With libfaketime, whose clock can be changed while they run; what measures lengths of time stays
right, as it does where a clock is set.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.bench import Bench

SECONDS = (5.0, 15.0)
JUMPS = ("+61s", "+7200s", "-300s")
#: Who has the wrong clock: one of each, so that the others are right.
WHO = ("pipeline.2", "page.2", "notify.2", "clock")
NAME = "process_with_a_wrong_clock"


def library() -> Path | None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return found[0] if found else None


def missing() -> str:
    return "" if library() else "libfaketime is not installed (apt install libfaketime)"


def prepare(bench: Bench) -> None:
    file = bench.home.parent / "faketime"
    file.write_text("+0s\n")
    file.chmod(0o644)
    fake = {
        "LD_PRELOAD": str(library()), "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1",
    }  # fmt: skip
    bench.supervisor.private |= dict.fromkeys(WHO, fake)
    bench.prepared[NAME] = file


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    file: Path = bench.prepared[NAME]
    jump = chance.choice(JUMPS)
    file.write_text(f"{jump}\n")
    try:
        yield jump
    finally:
        file.write_text("+0s\n")
