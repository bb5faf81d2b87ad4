"""While Redis is away nobody is rung: then each process runs its own actors every half second.

The same thread warms the process up before the first ring: connections, TLS, the keys; and it
writes down every few seconds that the process lives and what it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import dramatiq
import psycopg
import structlog
from dramatiq.middleware import Middleware

from tocsin import errors
from workers import enqueue, progress, queues

log = structlog.get_logger(__name__)

EVERY_SECONDS = 0.5


class Lifeline(Middleware):
    """Starts the watching thread in each worker process."""

    def __init__(
        self, bell: enqueue.Bell, warm_up: Callable[[], None],
        beat: Callable[[list[str]], None] = lambda names: None,
    ) -> None:  # fmt: skip
        self._bell = bell
        self._warm_up = warm_up
        self._beat = beat
        self._over = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        names = worker.consumer_whitelist or broker.get_declared_queues()
        threading.Thread(
            target=self._watch, args=(broker, sorted(names)), name="lifeline", daemon=True
        ).start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._over.set()

    def _watch(self, broker: dramatiq.Broker, names: list[str]) -> None:
        try:
            self._warm_up()
        except (errors.TocsinError, psycopg.Error) as error:
            log.warning("not warm", error=repr(error)[:300])
        beaten = -progress.EVERY_SECONDS
        while not self._over.wait(EVERY_SECONDS):
            if not self._bell.alive():
                run_all(broker, names)
            if time.monotonic() - beaten >= progress.EVERY_SECONDS:
                beaten = time.monotonic()
                self._tell(names)

    def _tell(self, names: list[str]) -> None:
        try:
            self._beat([name for name in names if not name.endswith(".DQ")])
        except (errors.TocsinError, psycopg.Error) as error:
            log.debug("progress not written", error=repr(error)[:300])


def run_all(broker: dramatiq.Broker, names: list[str]) -> None:
    """Run each actor of these queues once, as if it had been rung."""
    for actor, queue in _homes(broker, names):
        started = time.monotonic()
        try:
            actor.fn(queue)
        except Exception as error:
            # The row is still there; the next round finds it again.
            log.warning("direct run failed", actor=actor.actor_name, error=repr(error)[:300])
        if time.monotonic() - started > 1:
            log.info("direct run", actor=actor.actor_name, seconds=time.monotonic() - started)


def _homes(broker: dramatiq.Broker, names: list[str]) -> list[tuple[dramatiq.Actor[Any, Any], str]]:
    found = []
    for name in sorted(broker.get_declared_actors()):
        actor = broker.get_actor(name)
        both = name.startswith(queues.deliver(""))
        served = [q for q in (queues.PAGE, queues.NOTIFY) if q in names] if both else []
        if not both and actor.queue_name in names:
            served = [actor.queue_name]
        found += [(actor, queue) for queue in served]
    return found
