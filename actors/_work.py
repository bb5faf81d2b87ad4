"""The one decorator of our actors: a ring runs the function until it says that nothing is left."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

import dramatiq

from actors import _runtime
from workers import progress

#: A ring does not hold a thread for longer than this many rounds; it rings again instead.
ROUNDS = 20
#: Nor for longer than this: others wait for the thread.
HOLD_SECONDS = 0.25
#: Between rounds more arrives, so that transactions grow with the load; a quiet system never waits.
PACE_SECONDS = 0.003


class Beat:
    """Spaces the rounds of one actor in one process that find work, whichever thread runs them.

    A transaction costs much the same for one alert as for fifty, so under load fewer, larger ones
    do more. What comes after a rest of `seconds` is begun at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._awaited = False
        self._lock = threading.Lock()

    def turn(self) -> bool:
        """Wait for the next beat; False where another thread does, and will find this work too."""
        with self._lock:
            rest = self._next - time.monotonic()
            if rest <= 0:
                return True
            if self._awaited:
                return False
            self._awaited = True
        time.sleep(rest)
        with self._lock:
            self._awaited = False
        return True

    def worked(self, since: float) -> None:
        """A round that began then, on the monotonic clock, found something to do."""
        with self._lock:
            self._next = max(self._next, since + self._seconds)


def actor(
    name: str, queue: str, *, beat: float = 0.0
) -> Callable[[Callable[[str], bool]], dramatiq.Actor[[str], None]]:
    """Declare an actor of rows: never retried by the broker, because the row is the retry.

    The function takes the queue it was rung on and returns True where there may be more to do.
    `beat`: seconds between the beginnings of its rounds while there is work, see Beat.
    """
    beats = Beat(beat)

    def declare(work: Callable[[str], bool]) -> dramatiq.Actor[[str], None]:
        @functools.wraps(work)
        def run(queue: str) -> None:
            here = _runtime.here()
            here.bell.heard(name, queue)
            until = time.monotonic() + HOLD_SECONDS
            for _ in range(ROUNDS):
                if not beats.turn():
                    return
                began = time.monotonic()
                more = work(queue)
                progress.HERE.mark(queue)
                if not more:
                    return
                beats.worked(began)
                if time.monotonic() > until:
                    break
                if not beat:
                    time.sleep(PACE_SECONDS)
            here.bell.ring(name, queue)

        declared = dramatiq.actor(
            actor_name=name, queue_name=queue, max_retries=0, broker=_runtime.broker()
        )
        return declared(run)

    return declare
