"""The micro-benchmarks still measure what there is: each runs once, untimed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_each_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p",
         "pytest_benchmark.plugin", "--benchmark-disable", "tests/benchmarks/micro.py"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
