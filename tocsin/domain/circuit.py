"""Circuits of destinations: when nothing is sent to a place that fails, and when it is tried again.

One that fails again and again is left alone but for one delivery at a time, the probe; the first
that arrives closes the circuit. Pure: the time is an argument, what was known is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

#: So many failures in a row open it.
OPEN_AFTER = 5
#: Waits between probes, in seconds: the first few, then each, then each of a long failure.
_FIRST = (10.0, 20.0, 40.0)
_THEN = 60.0
_LATE = 300.0
_LATE_AFTER = 10
#: What says that the destination, or our access to it, is at fault, and not the message.
_FAULTS = frozenset({"timeout", "connectError", "serverError", "authError"})

State = Literal["closed", "half-open", "open"]
STATES: tuple[State, ...] = ("closed", "half-open", "open")


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of one destination; `probe_at`: when the next delivery may try it."""

    failures: int = 0
    probes: int = 0
    since: datetime | None = None
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    cause: str | None = None

    def state(self, now: datetime) -> State:
        """Half-open: the next delivery is the probe."""
        if self.opened_at is None or self.probe_at is None:
            return "closed"
        return "open" if now < self.probe_at else "half-open"


CLOSED = Circuit()


def of(row: Mapping[str, Any]) -> Circuit:
    """The circuit that is stored like this."""
    names = ("failures", "probes", "since", "opened_at", "probe_at", "cause")
    return Circuit(**{name: row[name] for name in names})


def blames_place(reason: str) -> bool:
    """Whether a failure for this reason is one of the destination."""
    return reason in _FAULTS


def failed(known: Circuit, now: datetime, cause: str, *, probe: bool) -> Circuit:
    """After one more failure. What was on its way when it opened puts off no probe."""
    since = known.since or now
    counted = replace(known, failures=known.failures + 1, since=since, cause=cause)
    if known.opened_at is None:
        if counted.failures < OPEN_AFTER:
            return counted
        return replace(counted, opened_at=now, probes=0, probe_at=now + pause(0))
    if not probe:
        return counted
    probes = known.probes + 1
    return replace(counted, probes=probes, probe_at=now + pause(probes))


def pause(probes: int) -> timedelta:
    """How long until the next probe when so many have failed."""
    if probes < len(_FIRST):
        return timedelta(seconds=_FIRST[probes])
    return timedelta(seconds=_THEN if probes <= _LATE_AFTER else _LATE)


def probing(known: Circuit, now: datetime, lasts: timedelta) -> Circuit | None:
    """The circuit while a delivery that is due now probes it; None: that one has to wait.

    If nothing becomes of the probe, for its process dies, the next may try after `lasts`.
    """
    if known.state(now) == "open":
        return None
    return replace(known, probe_at=now + lasts) if known.opened_at else known


def asked_to_wait(known: Circuit, now: datetime, after: float, until: datetime) -> Circuit:
    """The circuit where the provider wants to be left alone so long, which holds to `until`."""
    asked = now + timedelta(seconds=after)
    if until > now:
        asked = min(asked, until)
    return replace(known, probe_at=max(known.probe_at or asked, asked))


def put_off(known: Circuit, now: datetime, wait: timedelta) -> Circuit:
    """The circuit after a probe that told nothing: neither better nor worse."""
    return replace(known, probe_at=now + max(wait, pause(known.probes)))
