"""What the record holds after a test, in the words of the tests."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from schemas.alert import Batch

DECODER = msgspec.msgpack.Decoder(Batch)


class Stored(NamedTuple):
    """All that one tenant's posts left: batches, rows that point to them, bad alerts, counters."""

    batches: list[Batch]
    inbox: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    tally: dict[tuple[str, str], float]

    @property
    def names(self) -> list[str]:
        """The alert names of all batches."""
        return [each.labels["alertname"] for batch in self.batches for each in batch.alerts]


def webhook(*names: str, severity: str = "warning") -> dict[str, Any]:
    """A payload of Alertmanager with one firing alert for each name."""
    return {
        "version": "4",
        "status": "firing",
        "alerts": [
            {"status": "firing", "labels": {"alertname": name, "severity": severity}}
            for name in names
        ],
    }
