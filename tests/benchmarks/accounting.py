"""What whole process trees have cost: CPU seconds and memory, from /proc (Linux only)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """CPU seconds since their start, and bytes of memory now, shared pages counted once."""

    cpu_seconds: float
    memory: int


def of_trees(roots: Iterable[int], *, memory: bool = True) -> Cost:
    """The cost of these processes and all below them.

    Children that ended are in their parent's account once it waited for them: PostgreSQL's
    backends come and go. Memory is Pss of smaps_rollup, see proc(5).
    """
    cpu, children = _table()
    waiting, tree = list(roots), set[int]()
    while waiting:
        pid = waiting.pop()
        if pid in cpu and pid not in tree:
            tree.add(pid)
            waiting += children.get(pid, [])
    return Cost(
        sum(cpu[pid] for pid in tree), sum(_proportional(pid) for pid in tree) if memory else 0
    )


def _table() -> tuple[dict[int, float], dict[int, list[int]]]:
    """CPU seconds of each process with its ended children, and the children of each."""
    cpu: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name of the program may hold blanks and brackets; what follows it does not.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(entry.name)
        cpu[pid] = sum(map(int, fields[11:15])) / _TICKS
        children.setdefault(int(fields[1]), []).append(pid)
    return cpu, children


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
