"""`python -m scheduler.clock`: rings what is due to the millisecond and keeps house.

It only rings: whoever is rung claims the work in the transaction of its effect, so two clocks do
no harm and a dead one costs the half second until it is restarted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import datetime

import psycopg
import structlog

from scheduler import heartbeat, housekeeping, reaper, reconciler, sweep, synthetic, ticks, watch
from tocsin import errors, logs
from tocsin.config import settings
from tocsin.storage import due
from tocsin.storage import progress as stored
from tocsin.storage.record import PLANNED_ONCE, Record
from workers import enqueue, progress, queues

log = structlog.get_logger("clock")

SWEEP_SECONDS = 0.5


class Loop:
    """Runs a job every so often in a thread of its own until the clock stops."""

    def __init__(
        self, name: str, every: float, job: Callable[[], float | None],
        mark: Callable[[str], None] = lambda name: None,
    ) -> None:  # fmt: skip
        self.name, self.every, self.job, self.mark = name, every, job, mark
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def _run(self) -> None:
        pause: float | None = 0.0
        while not self.over.wait(self.every if pause is None else pause):
            try:
                pause = self.job()
                self.mark(stored.CLOCK + self.name)
            except (errors.RecordAway, psycopg.Error) as error:
                pause = None
                log.warning("the record is away", loop=self.name, error=repr(error)[:200])
            except Exception:
                pause = None
                log.exception("loop failed", loop=self.name)


def loops(chosen: settings.Settings) -> list[Loop]:
    """All that the clock does."""
    record = Record(chosen.database_url, size=6, plans=PLANNED_ONCE)
    bell = enqueue.bell(chosen.redis_url)
    stages = queues.of_stages(chosen.stage_queues)
    noted = progress.Progress()

    def swept() -> float:
        return pause_until(sweep.sweep(record, bell, stages), record)

    def watched() -> float:
        return watch.watch(chosen.policy_dir, bell, lambda: noted.mark(f"{stored.CLOCK}watch"))

    jobs: dict[str, tuple[float, Callable[[], float | None]]] = {
        "sweep": (SWEEP_SECONDS, swept),
        "fold": (1.0, lambda: housekeeping.fold(record)),
        "notes": (1.0, lambda: housekeeping.recover(record)),
        "reaper": (1.0, reaper.Reaper(chosen.redis_url, stages).reap),
        "ticks": (1.0, ticks.Ticks(chosen.redis_url, bell).tick),
        "watch": (1.0, watched),
        "reconciler": (
            reconciler.EVERY_SECONDS, reconciler.Reconciler(record, bell, stages, chosen).look
        ),
        "progress": (progress.EVERY_SECONDS, lambda: _write(noted, record)),
    }  # fmt: skip
    if chosen.watch_tenant:
        jobs["synthetic"] = (1.0, synthetic.Synthetic(record, bell, stages, chosen).look)
    if chosen.heartbeat_url:
        jobs["heartbeat"] = (1.0, heartbeat.Heartbeat(record, chosen).look)
    noted.expect(stored.CLOCK + name for name in jobs)
    return [Loop(name, every, job, noted.mark) for name, (every, job) in jobs.items()]


def _write(noted: progress.Progress, record: Record) -> None:
    with record.claims() as tx:
        stored.forget_others(tx, noted.loops())
        waiting = due.now(tx)
    late = {f"{stored.CLOCK}sweep": min(item.oldest for item in waiting)} if waiting else {}
    noted.write(record, late)


def pause_until(following: datetime | None, record: Record) -> float:
    """Seconds to the next sweep: half a second, or less where something falls due before."""
    if following is None:
        return SWEEP_SECONDS
    with record.claims() as tx:
        ahead: float = (following - tx.now).total_seconds()
    return min(SWEEP_SECONDS, max(0.001, ahead))


def main() -> None:
    chosen = settings.load()
    logs.setup(chosen.log_level)
    running = loops(chosen)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    for loop in running:
        loop.start()
    while not over.wait(1.0):
        pass
    for loop in running:
        loop.over.set()


if __name__ == "__main__":
    main()
