"""Ringing: telling a queue that there is work. Best effort: the record knows the work anyhow."""

from __future__ import annotations

import threading
import time

import dramatiq
import redis
import structlog

from workers.broker import NAMESPACE, BellBroker

log = structlog.get_logger(__name__)

#: One ring a queue and actor may be under way; a lost one is forgotten after this.
OUTSTANDING_MS = 1000
#: After a failure no ring is tried for this long, so that a dead Redis costs nothing.
PAUSE_SECONDS = 0.5


class Bell:
    """Rings actors by name. Thread-safe; never raises."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._broker: BellBroker | None = None
        self._quiet_until = 0.0
        self._lock = threading.Lock()

    def ring(self, actor: str, queue: str) -> bool:
        """True where a ring is now on its way, or was already."""
        if time.monotonic() < self._quiet_until:
            return False
        try:
            broker = self._connected()
            if broker.client.set(flag(actor, queue), 1, nx=True, px=OUTSTANDING_MS):
                broker.enqueue(message(actor, queue))
            return True
        except redis.RedisError as error:
            self._quiet_until = time.monotonic() + PAUSE_SECONDS
            log.debug("ring failed", actor=actor, queue=queue, error=type(error).__name__)
            return False

    def heard(self, actor: str, queue: str) -> None:
        """Before the claim: whatever comes from now on needs a new ring."""
        if time.monotonic() < self._quiet_until:
            return
        try:
            self._connected().client.delete(flag(actor, queue))
        except redis.RedisError as error:
            self._quiet_until = time.monotonic() + PAUSE_SECONDS
            log.debug("flag not cleared", actor=actor, queue=queue, error=type(error).__name__)

    def alive(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._connected().client.ping())
        except redis.RedisError:
            return False

    def _connected(self) -> BellBroker:
        with self._lock:
            if self._broker is None:
                self._broker = BellBroker(self._url)
            return self._broker


def flag(actor: str, queue: str) -> str:
    return f"{NAMESPACE}:ring:{actor}:{queue}"


def message(actor: str, queue: str) -> dramatiq.Message[None]:
    """The whole content of a message: which actor, on which queue."""
    return dramatiq.Message(
        queue_name=queue, actor_name=actor, args=(queue,), kwargs={}, options={}
    )


_bells: dict[str, Bell] = {}


def bell(url: str) -> Bell:
    """The process's bell for this Redis."""
    return _bells.setdefault(url, Bell(url))
