"""The one decorator of our actors: a ring runs the function until it says that nothing is left."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import dramatiq

from actors import _runtime
from workers import progress, turns

#: A ring does not hold a thread for longer than this many rounds; it rings again instead.
ROUNDS = 20
#: Nor for longer than this: others wait for the thread.
HOLD_SECONDS = 0.25
#: Between rounds more arrives, so that transactions grow with the load; a quiet system never waits.
PACE_SECONDS = 0.003


#: Of each actor that has one.
beats: dict[str, turns.Beat] = {}


def actor(
    name: str, queue: str, *, beat: float = 0.0
) -> Callable[[Callable[[str], bool]], dramatiq.Actor[[str], None]]:
    """Declare an actor of rows: never retried by the broker, because the row is the retry.

    The function takes the queue it was rung on and returns True where there may be more to do.
    `beat`: seconds between the beginnings of its rounds while there is work, see turns.Beat.
    """
    beats[name] = paced = turns.Beat(beat)

    def declare(work: Callable[[str], bool]) -> dramatiq.Actor[[str], None]:
        @functools.wraps(work)
        def run(queue: str) -> None:
            here = _runtime.here()
            here.bell.heard(name, queue)
            until = time.monotonic() + HOLD_SECONDS
            for _ in range(ROUNDS):
                if not paced.turn():
                    return
                began = time.monotonic()
                more = work(queue)
                progress.HERE.mark(queue)
                if not more:
                    return
                paced.worked(began)
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
