"""One cell of the table: one system under one kind of work for a fixed time, after a warm-up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from tests.benchmarks import accounting, client, load, probes, systems

#: What is not processed after so many times the seconds of load is given up.
DRAIN_FACTOR = 8
PROBES_PER_SECOND = 25.0
#: The load beside which latency is measured.
RATE, BESIDE = 10_000.0, client.Work("repeat", 50)
#: The new alerts of a storm, and for how long probes are sent beside it.
STORM, STORM_SECONDS = 50_000, 12.0
_WARM_DRAIN_SECONDS = 120.0
_POLL_SECONDS = 0.01
#: Quiet is less than this share of a core; how long to wait for it between cells.
_QUIET, _QUIET_SECONDS = 0.25, 15.0

Costs = dict[str, accounting.Cost]


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
    #: What a reader of the figures must know; with WRONG the figures mean nothing.
    notes: list[str] = field(default_factory=list)


def throughput(system: systems.System, work: client.Work, seconds: float) -> Figures:
    """Measure from the first request until all that was accepted is processed."""
    figures = Figures()
    with system.fresh(f"http://{systems.HOST}:9/unused") as target:
        drained(system, _WARM_DRAIN_SECONDS)  # a new policy has consequences of its own
        with client.running(target, work, seconds) as loader:
            _warm(figures, system, loader)
            base, before = system.processed(target), costs(system)
            begun = time.perf_counter()
            loader.tell("run")
            result = loader.result()
        answered = time.perf_counter()
        whole = drained(system, DRAIN_FACTOR * seconds)
        ended, after = time.perf_counter(), costs(system)
        done = system.processed(target) - base
        _check(figures, "load", result)
        if not whole:
            figures.notes.append(f"not drained: {done} of {result.accepted} were processed")
            _give_up(system)
        elif done != result.accepted:
            figures.notes.append(f"WRONG: {result.accepted} were accepted, {done} processed")
        figures.per_s, figures.drain_s = done / (ended - begun), ended - answered
        figures.client_cpu_us = result.cpu_seconds / max(1, result.accepted) * 1e6
        _account(figures, before, after, done)
        _settle(system)
    return figures


def latency(system: systems.System, seconds: float, rate: float) -> Figures:
    """Probes, alone (rate 0) or beside a load that falls due at `rate` alerts a second."""
    figures, port = Figures(), systems.free_port()
    with system.fresh(f"http://{systems.HOST}:{port}/hook") as target:
        drained(system, _WARM_DRAIN_SECONDS)
        if rate:
            with client.running(target, BESIDE, seconds + 3, rate) as loader:
                _warm(figures, system, loader)
                before = costs(system)
                loader.tell("run")
                took = _probe(target, port, seconds)
                result = loader.result()
            _check(figures, "load", result)
            if result.accepted < 0.95 * rate * (seconds + 3):
                figures.notes.append(f"of {rate:.0f}/s only {result.accepted / result.seconds:.0f}")
            if not drained(system, DRAIN_FACTOR * seconds):
                figures.notes.append("not drained: the queue grew under this load")
                _give_up(system)
            _account(figures, before, costs(system), result.accepted)
        else:
            took = _probe(target, port, seconds)
        _settle(system)
    figures.p50_ms, figures.p99_ms = _ms(took, 0.5), _ms(took, 0.99)
    if lost := took.count(None):
        figures.notes.append(f"{lost} of {len(took)} probes were not told in time")
    return figures


def storm(system: systems.System) -> Figures:
    """Critical probes beside STORM new alerts that are posted as fast as they are taken."""
    figures, port = Figures(), systems.free_port()
    with system.fresh(f"http://{systems.HOST}:{port}/hook") as target:
        drained(system, _WARM_DRAIN_SECONDS)
        with client.running(target, client.Work("unique", 1000), 60, alerts=STORM) as loader:
            loader.tell("run")
            took = _probe(target, port, STORM_SECONDS)
            _check(figures, "storm", loader.result())
        if not drained(system, _WARM_DRAIN_SECONDS):
            _give_up(system)
        _settle(system)
    figures.p50_ms, figures.p99_ms = _ms(took, 0.5), _ms(took, 0.99)
    if lost := took.count(None):
        figures.notes.append(f"{lost} of {len(took)} probes were not told in time")
    return figures


def costs(system: systems.System) -> Costs:
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


def _account(figures: Figures, before: Costs, after: Costs, done: int) -> None:
    spent = {name: after[name].cpu_seconds - cost.cpu_seconds for name, cost in before.items()}
    if any(seconds < 0 for seconds in spent.values()):
        figures.notes.append("WRONG: a process was started anew, so its CPU is not known")
    by = {name: seconds / max(1, done) * 1e6 for name, seconds in spent.items()}
    figures.cpu_us, figures.cpu_us_by = sum(by.values()), by
    figures.memory_mb = sum(cost.memory for cost in after.values()) / 1e6


def _warm(figures: Figures, system: systems.System, loader: client.Client) -> None:
    _check(figures, "warm-up", loader.warm())
    if not drained(system, _WARM_DRAIN_SECONDS):
        figures.notes.append("not drained: even the warm-up was too much")
        _give_up(system)


def _check(figures: Figures, what: str, result: load.Result) -> None:
    if result.refused or result.unanswered:
        figures.notes.append(
            f"WRONG: {what}: {result.refused} alerts refused, {result.unanswered} not answered; "
            f"statuses {dict(result.statuses)}"
        )


def drained(system: systems.System, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not system.idle():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _give_up(system: systems.System) -> None:
    system.give_up()
    drained(system, _WARM_DRAIN_SECONDS)


def _settle(system: systems.System) -> None:
    """Leave a quiet machine to whoever comes next."""
    system.settle()
    deadline = time.monotonic() + _QUIET_SECONDS
    while idle_share(system, 0.5) > _QUIET and time.monotonic() < deadline:
        pass


def _probe(target: systems.Target, port: int, seconds: float) -> list[float | None]:
    """A second of probes that do not count, then those that do."""
    asyncio.run(probes.latencies(target, port, PROBES_PER_SECOND, 1))
    return asyncio.run(probes.latencies(target, port, PROBES_PER_SECOND, seconds))


def _ms(took: list[float | None], share: float) -> float | None:
    found = probes.percentile(took, share)
    return None if found is None else found * 1e3
