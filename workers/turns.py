"""How much one transaction takes, and whose turn it is: light tenants first, floods in pieces.

What a worker takes from a flood is measured, so that a transaction stays short on a slow or busy
machine too; who brings little then waits for the rest of one piece at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: A transaction of a flood is to last about so long while others are there to wait for it, ...
SHARED_SECONDS = 0.15
#: ... and so long where a tenant has the workers to itself: large ones cost less an alert.
ALONE_SECONDS = 0.4
#: A tenant that was seen so lately may be back at any moment.
COMPANY_SECONDS = 10.0
#: Measured once, the size changes by this factor at most.
_STEP = 2.0


class Pace:
    """The size of the next piece, from how long the last ones took. For all threads.

    `least` is no less than 4: a smaller piece is too few whole ones to grow from.
    """

    def __init__(self, least: int, first: int) -> None:
        assert least >= 4
        self._least, self._size = least, float(first)
        self._seen: dict[int, float] = {}
        self._lock = threading.Lock()

    def size(self, most: int) -> int:
        """What the next transaction may take; never more than `most`."""
        return min(most, max(self._least, int(self._size)))

    def took(self, size: int, seconds: float) -> None:
        """A piece of that size is done. One that was not full says little, unless it was slow."""
        with self._lock:
            target = SHARED_SECONDS if len(self._seen) > 1 else ALONE_SECONDS
            factor = target / max(seconds, 0.001)
            if factor < 1 or size >= 0.8 * self._size:
                wanted = size * min(_STEP, max(1 / _STEP, factor))
                self._size = max(self._least, (self._size + wanted) / 2)

    def saw(self, tenants: Iterable[int]) -> None:
        """These tenants had work."""
        with self._lock:
            now = time.monotonic()
            self._seen.update(dict.fromkeys(tenants, now))
            if len(self._seen) > 1:
                fresh = {t: at for t, at in self._seen.items() if at > now - COMPANY_SECONDS}
                self._seen = fresh


class Beat:
    """Spaces the rounds of one actor in one process that find work, whichever thread runs them.

    A transaction costs much the same for one alert as for fifty, so under load fewer, larger ones
    do more. What comes after a rest of `seconds` is begun at once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
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
        try:
            time.sleep(rest)
        finally:
            with self._lock:
                self._awaited = False
        return True

    def worked(self, since: float) -> None:
        """A round that began then, on the monotonic clock, found something to do."""
        with self._lock:
            self._next = max(self._next, since + self.seconds)


class Turns(threading.local):
    """Whether it is the turn of the heavy ones: after each piece of light work, in each thread."""

    heavy = False

    def took(self, *, light: bool) -> None:
        """What the last claim brought; nothing counts as heavy."""
        self.heavy = light


def learn(
    whose: Turns, pace: Pace, claimed: Sequence[Mapping[str, Any]], weight: str, seconds: float
) -> None:
    """What a claim of {tenant, light, `weight`} says of the next: whose turn, and how much."""
    light = bool(claimed) and claimed[0]["light"]
    whose.took(light=light)
    pace.saw({row["tenant"] for row in claimed})
    if claimed and not light:
        pace.took(sum(row[weight] for row in claimed), seconds)
