"""The reaper: gives back the messages of dead Dramatiq workers.

Dramatiq does this by chance, one command in a thousand, so that on a quiet system a message may
wait for ever (measured). A second broker whose every command does it touches each queue instead.
"""

from __future__ import annotations

import redis

from workers import queues
from workers.broker import BellBroker

_ALWAYS = 1_000_000


class Reaper:
    def __init__(self, url: str, stages: dict[str, str]) -> None:
        self._broker = BellBroker(url, maintenance_chance=_ALWAYS)
        self._queues = sorted({
            *stages.values(), queues.PAGE, queues.NOTIFY, queues.BACKGROUND
        })  # fmt: skip

    def reap(self) -> None:
        try:
            for queue in self._queues:
                self._broker.do_qsize(queue)
                self._broker.do_qsize(f"{queue}.DQ")
        except redis.RedisError:
            # Redis is away; the lifeline of the workers takes over meanwhile.
            return
