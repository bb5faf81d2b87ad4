"""What the checker says of one promise."""

from __future__ import annotations

from dataclasses import dataclass, field

#: How soon it was says as much about the machine as about us: its exit status is another one.
SPEED, TOO_SLOW = "I8", 3


@dataclass(frozen=True)
class Verdict:
    """One row of the table at the end: the promise, what was measured, what was allowed."""

    id: str
    promise: str
    figure: str
    limit: str
    ok: bool
    #: The first things that were wrong, one a line.
    details: list[str] = field(default_factory=list)
