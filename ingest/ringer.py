"""Tells the pipeline that there is work, in a thread of its own: Redis may hang or be away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

#: Rings are at least this far apart; the last of a burst is always rung.
PACE_SECONDS = 0.002


class Ringer:
    """Rings once for any number of calls since the last ring; failures stay in its thread."""

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring, self._failing = ring, False
        self._work, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)
        self._thread.start()

    def __call__(self) -> None:
        """Something was stored. Never blocks, never raises."""
        self._work.set()

    def stop(self, seconds: float = 1.0) -> None:
        """Ring what is still unrung and end; a ring that hangs is left behind."""
        self._ended.set()
        self._work.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            self._once()
            if self._ended.wait(PACE_SECONDS):
                break
        if self._work.is_set():
            self._once()

    def _once(self) -> None:
        try:
            self._ring()
            self._failing = False
        except Exception:
            # The clock's sweep finds the work anyhow. Say it once, not with each flush.
            if not self._failing:
                log.exception("the doorbell fails; the sweep finds what was stored")
            self._failing = True
