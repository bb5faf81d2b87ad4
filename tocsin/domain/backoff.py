"""How long to wait before the next attempt, and how many attempts a destination gets."""

from __future__ import annotations

from datetime import timedelta

#: A delivery older than this is given up.
MAX_AGE = timedelta(hours=24)

_FIRST = (0.0, 2.0, 5.0, 15.0, 30.0)
_THEN = 60.0
_LATE = 300.0
_LATE_AFTER = 10
#: Seconds since 1970 are doubles some 0.2 us apart: so much too early is a matter of rounding.
ROUNDING = 1e-6


def delay(attempt: int, age: timedelta = timedelta(0)) -> float | None:
    """Seconds to wait before the next attempt when `attempt` have been made; None: give up.

    `age` is the time since the delivery was decided. Without it the waits so far stand for it, so
    that counting alone comes to an end as well.
    """
    if max(age, timedelta(seconds=_waited(attempt))) >= MAX_AGE:
        return None
    return _wait(attempt)


def gcra(tat: float | None, now: float, period: float, burst: int) -> tuple[bool, float, float]:
    """One request against a limit of one each `period` seconds, `burst` of them at once.

    The generic cell rate algorithm (ITU-T I.371): `tat` is the theoretical arrival time kept from
    the last request (None: there was none); all in seconds. Gives whether the request may pass,
    the `tat` to keep and, if it may not, the seconds after which it may.
    """
    arrival = now if tat is None else max(tat, now)
    allowed_from = arrival - (burst - 1) * period
    if now < allowed_from - ROUNDING:
        return False, arrival, allowed_from - now
    return True, arrival + period, 0.0


def _wait(attempt: int) -> float:
    if attempt < len(_FIRST):
        return _FIRST[max(0, attempt)]
    return _THEN if attempt <= _LATE_AFTER else _LATE


def _waited(attempt: int) -> float:
    """Seconds waited before attempt number `attempt` was made."""
    late = max(0, attempt - 1 - _LATE_AFTER)
    return sum(_wait(n) for n in range(min(attempt, _LATE_AFTER + 1))) + late * _LATE
