"""How a fake provider misbehaves: a script for each destination, changed while it runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "none",  # latency only
    "status",  # answer `status`, with `headers`, and do nothing
    "error",  # Slack's way: 200 with ok:false and `error`
    "redirect",  # 302 to `headers["location"]`, by default the metadata service of a cloud
    "hang",  # read the request, do nothing, never answer
    "cut_before",  # reset the connection, nothing done
    "cut_after",  # do it, then reset the connection: the reply is lost
    "hang_after",  # do it, then never answer
    "huge",  # do it, then answer without an end
    "drip",  # do it, then answer one byte at a time
    "short",  # do it, then end the connection one byte before the end of the answer
    "bad_json",  # do it, then answer what cannot be parsed
]
KINDS = frozenset(get_args(Kind))

#: Faults after which the provider has nevertheless acted.
ACTS = frozenset({"none", "cut_after", "hang_after", "huge", "drip", "short", "bad_json"})


@dataclass
class Fault:
    """One step of a script. ``times`` is for how many requests (None: for ever).

    ``at`` is for protocols of many steps: the step at which it happens. A script asks for each
    step in turn, so that what is meant for a later one waits.
    """

    kind: Kind = "none"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    error: str = "internal_error"
    at: str = ""
    latency: float = 0.0
    times: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {sorted(KINDS)}")


class Script:
    """The faults of all destinations. The first that matches and is not used up is played."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: list[tuple[str, str, Fault]] = []

    def add(self, fault: Fault, *, provider: str = "*", dest: str = "*") -> None:
        """Play ``fault`` for this provider and destination, after those that were added before."""
        with self._lock:
            self._steps.append((provider, dest, fault))

    def clear(self, dest: str = "*") -> None:
        """Forget the script of one destination, or the whole."""
        with self._lock:
            self._steps = [step for step in self._steps if dest not in ("*", step[1])]

    def next(self, provider: str, dest: str, at: str = "") -> Fault:
        """What to play for this request, or step of one; it counts as one of ``times``."""
        with self._lock:
            for step in self._steps:
                fault = step[2]
                meant = step[0] in ("*", provider) and step[1] in ("*", dest) and fault.at == at
                if meant and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return Fault()
