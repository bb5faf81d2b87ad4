"""One cell of the table: one system under one kind of work for a fixed time, after a warm-up."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.benchmarks import accounting, bodies, load, probes, systems

#: Undrained work is given up after so many times the seconds of load.
DRAIN_FACTOR = 8
PROBES_PER_SECOND = 25.0
#: The load beside which latency is measured, in batches of:
RATE, RATE_BATCH = 10_000.0, 50
_POLL_SECONDS = 0.01
#: Quiet is less than this share of a core; how long to wait for it.
_QUIET, _QUIET_SECONDS = 0.25, 15.0
#: glibc would give each body's memory back to the kernel and fetch it again.
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_TOP_PAD_": "16777216",
}
_runs = itertools.count(int(time.time()) % 1_000_000 * 1000)


@dataclass(frozen=True)
class Throughput:
    """Work: so many alerts a request, as fast as they are answered."""

    mix: bodies.Mix
    batch: int

    @property
    def name(self) -> str:
        return f"{self.mix} x {self.batch}"

    @property
    def connections(self) -> int:
        return 4 if self.batch >= 1000 else 16


@dataclass
class Figures:
    """What came of a cell. Rates are of alerts processed, CPU of all processes of the system."""

    per_s: float | None = None
    cpu_us: float | None = None
    cpu_us_by: dict[str, float] = field(default_factory=dict)
    client_cpu_us: float | None = None
    memory_mb: float | None = None
    drain_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    notes: list[str] = field(default_factory=list)


class Client:
    """The load generator's process, told line by line what to do."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def warm(self) -> load.Result:
        return self.answer(self.begin("warm"))

    def begin(self, word: str) -> IO[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        return self.process.stdout

    def answer(self, stream: IO[str]) -> load.Result:
        line = stream.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {self.process.wait()}")
        return load.Result(**json.loads(line))


@contextmanager
def client(
    target: systems.Target, work: Throughput, seconds: float, rate: float = 0.0
) -> Iterator[Client]:
    order = load.Order(
        systems.HOST, target.port, systems.PATH, target.token, work.mix, work.batch,
        work.connections, seconds, next(_runs), rate,
    )  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | _MALLOC,
    ) as process:
        made = Client(process)
        try:
            stream = made.begin(json.dumps(asdict(order)))
            if stream.readline() != "ready\n":
                raise RuntimeError("the load generator did not start")
            yield made
        finally:
            process.kill()


def throughput(system: systems.System, work: Throughput, seconds: float) -> Figures:
    """Measure from the first request until all that was accepted is processed."""
    figures = Figures()
    with system.fresh("http://127.0.0.1:9/unused") as target:
        with client(target, work, seconds) as made:
            _check(figures, "warm-up", made.warm())
            _drain(system, 60)
            base, before = system.processed(target), costs(system)
            begun = time.perf_counter()
            result = made.answer(made.begin("run"))
        answered = time.perf_counter()
        whole = _drain(system, DRAIN_FACTOR * seconds)
        ended, after = time.perf_counter(), costs(system)
        done = system.processed(target) - base
        _check(figures, "load", result)
        if not whole:
            figures.notes.append(f"not drained: {done} of {result.accepted} were processed")
            system.give_up()
            _drain(system, 60)
        elif done != result.accepted:
            figures.notes.append(f"WRONG: {result.accepted} were accepted, {done} processed")
        figures.per_s, figures.drain_s = done / (ended - begun), ended - answered
        figures.client_cpu_us = result.cpu_seconds / max(1, result.accepted) * 1e6
        _account(figures, before, after, done)
    _settle(system)
    return figures


def latency(system: systems.System, seconds: float, rate: float) -> Figures:
    """Probes, alone or beside a load that falls due at `rate` alerts a second."""
    figures, port = Figures(), systems.free_port()
    with system.fresh(f"http://{systems.HOST}:{port}/hook") as target:
        if not rate:
            took = _probe(target, port, 1)
            took = _probe(target, port, 2 * seconds)
        else:
            work = Throughput("repeat", RATE_BATCH)
            with client(target, work, 2 * seconds + 3, rate) as made:
                _check(figures, "warm-up", made.warm())
                _drain(system, 60)
                before = costs(system)
                stream = made.begin("run")
                took = _probe(target, port, 1)
                took = _probe(target, port, 2 * seconds)
                result = made.answer(stream)
            _check(figures, "load", result)
            if not _drain(system, DRAIN_FACTOR * seconds):
                figures.notes.append("not drained: the queue grew under this load")
                system.give_up()
                _drain(system, 60)
            figures.per_s = result.accepted / result.seconds
            _account(figures, before, costs(system), result.accepted)
    figures.p50_ms, figures.p99_ms = _ms(took, 0.5), _ms(took, 0.99)
    if lost := took.count(None):
        figures.notes.append(f"{lost} of {len(took)} probes were not told within the time")
    _settle(system)
    return figures


def costs(system: systems.System) -> dict[str, accounting.Cost]:
    """What each kind of process has cost so far."""
    return {name: accounting.of_trees(pids) for name, pids in system.roots().items()}


def idle_share(system: systems.System, seconds: float) -> float:
    """How much of a core the system takes while nothing happens."""
    before = _cpu(system)
    time.sleep(seconds)
    return (_cpu(system) - before) / seconds


def _cpu(system: systems.System) -> float:
    pids = [pid for some in system.roots().values() for pid in some]
    return accounting.of_trees(pids, memory=False).cpu_seconds


def _account(
    figures: Figures, before: dict[str, accounting.Cost], after: dict[str, accounting.Cost], done: int
) -> None:
    spent = {name: after[name].cpu_seconds - before[name].cpu_seconds for name in before}
    by = {name: seconds / max(1, done) * 1e6 for name, seconds in spent.items()}
    if any(seconds < 0 for seconds in spent.values()):
        figures.notes.append("WRONG: a process was restarted, so its CPU is not known")
    figures.cpu_us_by = {name: round(cost, 2) for name, cost in by.items()}
    figures.cpu_us = sum(by.values())
    figures.memory_mb = sum(cost.memory for cost in after.values()) / 1e6


def _check(figures: Figures, what: str, result: load.Result) -> None:
    if result.refused or result.unanswered:
        figures.notes.append(
            f"WRONG: {what}: {result.refused} alerts refused, {result.unanswered} not answered; "
            f"statuses {dict(result.statuses)}"
        )


def _drain(system: systems.System, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not system.idle():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _settle(system: systems.System) -> None:
    system.settle()
    deadline = time.monotonic() + _QUIET_SECONDS
    while system.name == "ours" and time.monotonic() < deadline:
        if idle_share(system, 0.5) < _QUIET:
            break


def _probe(target: systems.Target, port: int, seconds: float) -> list[float | None]:
    return asyncio.run(probes.latencies(target, port, PROBES_PER_SECOND, seconds))


def _ms(took: list[float | None], share: float) -> float | None:
    found = probes.percentile(took, share)
    return None if found is None else found * 1e3
