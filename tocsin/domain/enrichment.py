"""What a table says about an alert: its runbook, its owner and whatever else people look up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tocsin.domain import matchers


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row of the table: what is set for the alerts that match."""

    matchers: tuple[matchers.Matcher, ...]
    set: Mapping[str, str]


def lookup(table: Iterable[Lookup], labels: Mapping[str, str]) -> dict[str, str]:
    """What the rows that match set; for each key the first row that sets it decides."""
    found: dict[str, str] = {}
    for row in table:
        if matchers.matches(row.matchers, labels):
            found = {**row.set, **found}
    return found
