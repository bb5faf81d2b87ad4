"""`make bench-scale`: what an alert costs as an installation grows, and its API over millions.

A table and bench-scale.json; half an hour and more, and 20 GB of disk. SCALE_ONLY: only this part
(rules, routes, tenants, active, stored). SCALE_ACTIVE, SCALE_STORED: how far it goes (2,000,000
active and 10,000,000 stored alerts). SCALE_SECONDS: of load in each cell (5).
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks import bodies, bounds, cells, client, ours, report, stored, systems

FILE = Path("bench-scale.json")
#: The cost of an alert may grow so far from the first size to any other.
GROWTH = 1.25
ACTIVE = (10_000, 100_000, 500_000, 2_000_000)
RULES, TENANTS, ROUTES = (1, 1000), (1, 500), (1, 10_000)
#: Alerts that are active in a part that is not about how many there are.
FEW = 20_000
#: What fills posts no more while so many wait, so that nothing is folded.
_AHEAD = 10_000
_PATIENCE_SECONDS = 600.0
_RULE = """
  - name: r{n}
    when: 'alertname == "Alert{n}" and labels.cpu_usage > 80'
    then: {{route: aside}}
"""
_ROUTE = "    - {{matchers: ['service=\"aside-{n}\"'], receiver: nobody}}\n"


@dataclass(frozen=True)
class Size:
    """One size of what grows: the cost of a new alert, and of one of the mix `repeat`, in us."""

    part: str
    size: int
    new_us: float
    new_per_s: float
    repeat_us: float | None
    repeat_per_s: float | None
    notes: list[str]


def main() -> int:
    only = os.environ.get("SCALE_ONLY", "")
    written: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": report.commit(),
        "machine": report.machine(), "growth": [], "api": [],
    }  # fmt: skip
    with ours.running() as installation:
        for name, part in PARTS.items():
            if only in (name, ""):
                print(f"{name} ...", file=sys.stderr, flush=True)
                written["growth"] += [asdict(size) for size in _said(part(installation))]
        if only in ("stored", ""):
            written["api"] = stored.rows(installation, int(_asked("STORED", 10_000_000)))
    FILE.write_text(json.dumps(written, indent=2) + "\n")
    print(table(written["growth"]))
    print(bounds.table(written["api"]))
    return 0


def active(installation: ours.Ours) -> Iterator[Size]:
    """More and more alerts that fire, all of one tenant; repeats are drawn from all of them."""
    target, first = installation.target(systems.policy("webhook", stored.NOWHERE)), 0
    for size in ACTIVE:
        if size <= int(_asked("ACTIVE", ACTIVE[-1])):
            yield _size(installation, target, "active alerts", size, size, first=first)
            first = size


def rules(installation: ours.Ours) -> Iterator[Size]:
    for size in RULES:
        written = "rules:" + "".join(_RULE.format(n=n) for n in range(size))
        target = installation.target(systems.policy("webhook", stored.NOWHERE) + written)
        yield _size(installation, target, "rules", size, FEW)


def routes(installation: ours.Ours) -> Iterator[Size]:
    """Before those that the alerts take."""
    for size in ROUTES:
        more = "".join(_ROUTE.format(n=n) for n in range(size))
        document = systems.policy("webhook", stored.NOWHERE).replace(
            "routes:\n", f"routes:\n{more}"
        )
        yield _size(installation, installation.target(document), "routes", size, FEW)


def tenants(installation: ours.Ours) -> Iterator[Size]:
    """As many alerts, of one or of many, each request of 50 to the next of them."""
    for size in TENANTS:
        target = installation.target(systems.policy("webhook", stored.NOWHERE), tenants=size)
        yield _size(installation, target, "tenants", size, FEW // size, batch=50)


PARTS: dict[str, Callable[[ours.Ours], Iterator[Size]]] = {
    "rules": rules, "routes": routes, "tenants": tenants, "active": active,
}  # fmt: skip


def _size(
    installation: ours.Ours, target: systems.Target, part: str, size: int, pool: int, *,
    first: int = 0, batch: int = 1000,
) -> Size:  # fmt: skip
    new_us, new_per_s = _filled(installation, target, pool, first, batch)
    installation.given = target
    work = client.Work("repeat", batch, pool, known=True)
    again = cells.throughput(installation, work, float(_asked("SECONDS", 5)))
    installation.given = None
    return Size(part, size, new_us, new_per_s, again.cpu_us, again.per_s, again.notes)


def _filled(
    installation: ours.Ours, target: systems.Target, pool: int, first: int, batch: int
) -> tuple[float, float]:
    """Post what the pool has from `first` on to each tenant, no faster than it is worked on.

    Returns microseconds of CPU an alert, and alerts a second.
    """
    cells.drained(installation, _PATIENCE_SECONDS)
    before, begun = cells.costs(installation), time.perf_counter()
    drawn = bodies.Bodies("repeat", batch, 1, pool)
    each = (body for body in drawn.everything_seen(batch, first) for _ in target.tokens)
    with httpx.Client(base_url=f"http://{systems.HOST}:{target.port}", timeout=60) as web:
        for number, (body, token) in enumerate(
            zip(each, itertools.cycle(target.tokens), strict=False)
        ):
            said = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            web.post(systems.PATH, content=body, headers=said).raise_for_status()
            while number % 5 == 0 and installation.waiting() > _AHEAD:
                time.sleep(0.05)
    cells.drained(installation, _PATIENCE_SECONDS)
    after, seconds = cells.costs(installation), time.perf_counter() - begun
    spent = sum(after[name].cpu_seconds - cost.cpu_seconds for name, cost in before.items())
    posted = (pool - first) * len(target.tokens)
    return spent / posted * 1e6, posted / seconds


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for people, each with its cost over that of the first size of its part."""
    lines = []
    for _, part in itertools.groupby(rows, key=lambda row: row["part"]):
        sizes = list(part)
        for row in sizes:
            grown = [_over(row[name], sizes[0][name]) for name in ("new_us", "repeat_us")]
            met = all(each is not None and each <= GROWTH for each in grown)
            shown = [
                f"{row['size']:>9,} {row['part']:<13}",
                f"new {row['new_us']:7.0f} us {_times(grown[0])}",
                f"repeat {row['repeat_us'] or 0:6.1f} us {_times(grown[1])}",
                "yes" if met else "NO",
                *row["notes"],
            ]
            lines.append("  ".join(shown))
    return "\n".join(lines)


def _over(cost: float | None, first: float | None) -> float | None:
    return cost / first if cost and first else None


def _times(grown: float | None) -> str:
    return "     -" if grown is None else f"x {grown:4.2f}"


def _said(sizes: Iterator[Size]) -> Iterator[Size]:
    for size in sizes:
        print(table([asdict(size)]), file=sys.stderr, flush=True)
        yield size


def _asked(name: str, otherwise: float) -> str:
    return os.environ.get(f"SCALE_{name}", str(otherwise))


if __name__ == "__main__":
    sys.exit(main())
