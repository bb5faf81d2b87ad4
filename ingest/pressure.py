"""Whether anything may be taken in at all: asked each second, told before a body is read."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from tocsin import errors
from tocsin.storage import intake

log = logging.getLogger(__name__)

#: How often it is looked while requests come without a pause; the idle flusher looks as often.
LOOK_SECONDS = 1.0
#: After PostgreSQL said that its disk is full, one attempt is made so often.
FULL_SECONDS = 5.0


class Pressure:
    """Says no while there is no room, or while what was accepted is not worked on in time.

    Free space counts only where the embedded PostgreSQL keeps its data below `home`: that of
    another host is its own to watch, and says so when it is full.
    """

    def __init__(self, home: Path, least_free: int, behind_seconds: float) -> None:
        self._data, self._least_free = home / "postgres", least_free
        #: What waits longer is late: a sender's own queue is then the better place for more.
        self.bound = behind_seconds or float("inf")
        self._full_until = float("-inf")
        self._low = False
        #: Looks in a row that found it behind. One is too few: time may have made a leap.
        self._behind = 0
        self._looked = float("-inf")
        self._said = ""

    @property
    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self._looked > LOOK_SECONDS

    def check(self) -> None:
        """Raises NoRoom, Overloaded."""
        if self._low or time.monotonic() < self._full_until:
            raise errors.NoRoom
        if self._behind > 1:
            raise errors.Overloaded

    def full(self) -> None:
        """PostgreSQL could not write: its disk is full."""
        self._full_until = time.monotonic() + FULL_SECONDS
        self._say()

    def learn(self, load: intake.Load) -> None:
        """What the record says of its inbox just now."""
        self._looked = time.monotonic()
        self._behind = self._behind + 1 if load.behind else 0
        self._low = self._free() < self._least_free
        self._say()

    def _free(self) -> float:
        try:
            return shutil.disk_usage(self._data).free
        except OSError:
            return float("inf")

    def _say(self) -> None:
        """Once for each change, not with each request."""
        if self._low or time.monotonic() < self._full_until:
            now = "nothing is taken in: the disk of the record is full"
        elif self._behind > 1:
            now = "nothing is taken in: the inbox is behind"
        else:
            now = ""
        if now != self._said:
            log.error(now) if now else log.info("alerts are taken in again")
        self._said = now
