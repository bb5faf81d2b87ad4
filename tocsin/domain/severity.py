"""How bad an alert is, read from the labels in which the world writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.alert import SEVERITY_RANK, Severity

#: The labels that may hold it; the first one that says something we know wins.
LABELS = ("severity", "priority")

_WORDS: dict[Severity, str] = {
    "critical": "critical page crit emergency fatal p1",
    "error": "error major high p2",
    "warning": "warning warn minor p3",
    "info": "info informational notice low p4 p5",
}
_BY_WORD: dict[str, Severity] = {
    word: severity for severity, words in _WORDS.items() for word in words.split()
}


def of(labels: Mapping[str, str]) -> Severity:
    """The severity that the labels name, whatever the case; "none" if they name none we know."""
    for label in LABELS:
        word = labels.get(label)
        if word and (found := _BY_WORD.get(word.strip().lower())):
            return found
    return "none"


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of them; "none" of nothing."""
    return max(severities, key=SEVERITY_RANK.__getitem__, default="none")
