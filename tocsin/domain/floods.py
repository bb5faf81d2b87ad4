"""When the alerts of a tenant that floods are folded, which ones, and what they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.alert import Severity, Status

#: The alert that tells a person of it, and the label that Tocsin's own alerts carry.
FLOOD = "TocsinFlood"
#: Folding ends where this fraction of what began it still waits, or it would begin and end anew.
_ENDS_AT = 4
#: Only what says that something fires is folded: an end must reach whoever was told.
_KINDS = frozenset({"new", "refired"})


def folds(behind: int, backlog: int, *, under_way: bool) -> bool:
    """Whether a tenant with `behind` alerts waiting is folded; a `backlog` of 0 never folds."""
    if not backlog:
        return False
    return behind > (backlog // _ENDS_AT if under_way else backlog)


def foldable(kind: str, status: Status, severity: Severity, *, posted: bool) -> bool:
    """Whether this change may be folded: nothing critical ever is, and nothing of our own."""
    return posted and kind in _KINDS and status == "firing" and severity != "critical"


def shared(labels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The labels that all have, with the same values."""
    found: dict[str, str] | None = None
    for each in labels:
        if found is None:
            found = dict(each)
        elif found:
            found = {k: v for k, v in found.items() if each.get(k) == v}
    return found or {}
