"""Only the process that scores ever imports pyod, and only when it works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://nowhere/"}
CHECK = (
    "import sys, {}; sys.exit(bool({{'pyod', 'sklearn', 'skops', 'numba'}} & sys.modules.keys()))"
)


def entries() -> set[str]:
    """The modules that the lines of the Procfile start with."""
    found = set()
    for line in (ROOT / "Procfile").read_text().splitlines():
        if match := re.search(r"(?:uvicorn|dramatiq|python -m) ([\w.]+)", line):
            found.add(match[1])
    return found


@pytest.mark.parametrize("module", [*sorted(entries()), "tocsin.cli", "tocsin.launch"])
def test_no_entry_point_imports_pyod(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK.format(module)], env=ENVIRONMENT, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_all_entry_points_are_looked_at() -> None:
    assert entries() == {"ingest.app", "tocsin.serve", "actors", "scheduler.clock"}


def test_the_scoring_process_is_a_line_of_its_own() -> None:
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if "scoring" in line]
    assert len(lines) == 1
    assert lines[0].startswith("scoring: dramatiq actors ")
    assert lines[0].endswith(" -Q scoring")
