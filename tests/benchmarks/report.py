"""What is shown and written: rows with their targets, the machine they were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import cells

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Target:
    """What a row shall reach; `met` None: it cannot be said without a peer, or without figures."""

    text: str
    met: Callable[[cells.Figures, cells.Figures | None], bool | None]


def against_peer(rate: float, cpu: float | None = None, least: float = 0.0) -> Target:
    """At least so many times the peer's rate, at no more than so many times its CPU.

    `least`: and in any case so many alerts a second.
    """

    def met(ours: cells.Figures, peer: cells.Figures | None) -> bool | None:
        if ours.per_s is not None and ours.per_s < least:
            return False
        if peer is None or None in (ours.per_s, peer.per_s, ours.cpu_us, peer.cpu_us):
            return None
        assert ours.per_s is not None
        assert ours.cpu_us is not None
        assert peer.per_s is not None
        assert peer.cpu_us is not None
        cheap = cpu is None or ours.cpu_us <= cpu * peer.cpu_us
        return cheap and ours.per_s >= rate * peer.per_s

    said = [f">= {least:,.0f}/s"] if least else []
    said += [f"rate >= {rate:g} x"] + ([f"CPU <= {cpu:g} x"] if cpu is not None else [])
    return Target(f"{', '.join(said)} the peer's", met)


def within(p99: float, p50: float | None = None) -> Target:
    """Milliseconds to the message."""

    def met(ours: cells.Figures, _: cells.Figures | None) -> bool | None:
        # A message that never came is a target missed.
        if ours.p50_ms is None or ours.p99_ms is None:
            return False
        return (p50 is None or ours.p50_ms <= p50) and ours.p99_ms <= p99

    half = f"p50 <= {p50:g} ms, " if p50 is not None else ""
    return Target(f"{half}p99 <= {p99:g} ms", met)


def row(
    work: str, target: Target, ours: cells.Figures, peer: cells.Figures | None
) -> dict[str, Any]:
    """One row of bench.json. Rates are alerts processed a second, CPU microseconds an alert."""
    made: dict[str, Any] = {"work": work}
    for name in ("per_s", "cpu_us", "p50_ms", "p99_ms", "memory_mb", "drain_s", "client_cpu_us"):
        made[f"ours_{name}"] = _rounded(getattr(ours, name))
        made[f"peer_{name}"] = _rounded(getattr(peer, name)) if peer else None
    made["ours_cpu_us_by"] = {name: _rounded(cost) for name, cost in ours.cpu_us_by.items()}
    made |= {"target": target.text, "met": target.met(ours, peer)}
    made["notes"] = [f"ours: {note}" for note in ours.notes]
    made["notes"] += [f"peer: {note}" for note in (peer.notes if peer else ())]
    return made


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    head = ("work", "ours/s", "peer/s", "ours us", "peer us", "ours MB", "peer MB",
            "ours p50/p99 ms", "peer p50/p99 ms", "met", "target")  # fmt: skip
    lines = [head, *(_line(each) for each in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        "  ".join(
            cell.ljust(width) if column in (0, len(head) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    text += [f"{each['work']}: {note}" for each in rows for note in each["notes"]]
    return "\n".join(text)


def machine() -> dict[str, Any]:
    """Where it ran, and how busy that was."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {
        "cpu": cpu[0].partition(": ")[2] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1_000_000,
        "system": platform.platform(),
        "load_before": os.getloadavg(),
    }


def commit() -> str:
    """What was measured, as far as git knows."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: "-"}[row["met"]]
    return (
        row["work"],
        *(_shown(row[f"{who}_per_s"], 0) for who in ("ours", "peer")),
        *(_shown(row[f"{who}_cpu_us"], 1) for who in ("ours", "peer")),
        *(_shown(row[f"{who}_memory_mb"], 0) for who in ("ours", "peer")),
        *(
            f"{_shown(row[f'{who}_p50_ms'], 1)} / {_shown(row[f'{who}_p99_ms'], 1)}"
            for who in ("ours", "peer")
        ),
        met,
        row["target"],
    )


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
