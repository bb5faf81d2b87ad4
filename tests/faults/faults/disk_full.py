"""The disk of PostgreSQL, of Redis, or of the logs is full; then there is room again.

On a disk of its own in memory, which only root may mount.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.bench import Bench

SECONDS = (4.0, 15.0)
NAME = "disk_full"
#: The whole home has to hold 300 MB free for a start; the folders need little.
SIZES = {"": "900m", "valkey": "64m", "log": "64m"}


def missing() -> str:
    if os.geteuid() != 0:
        return "only root may mount a disk"
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tocsin", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        return "this machine does not let us mount a disk"
    return ""


def prepare(bench: Bench) -> None:
    """Mount the disk before anything is written to it; `bench` unmounts it at the end."""
    folder = random.Random(bench.seed).choice(sorted(SIZES))
    place = bench.home / folder
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZES[folder]},mode=711", "tocsin", str(place)]
    subprocess.run(command, check=True)
    bench.mounted.append(place)
    bench.prepared[NAME] = place


@contextmanager
def under(bench: Bench, chance: random.Random) -> Iterator[str]:
    place: Path = bench.prepared[NAME]
    filler = place / "filler"
    bench.crashed(len(bench.tenants))
    try:
        with bench.each(0.2, lambda: fill(filler)):
            yield place.name if place != bench.home else "all of it"
    finally:
        filler.unlink(missing_ok=True)


def fill(filler: Path) -> None:
    """Take what is left, also what somebody else has given back."""
    with filler.open("ab") as file:
        while True:
            file.write(bytes(64 * 1024))
            file.flush()
