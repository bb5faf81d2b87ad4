"""What a transaction adds to the counters, appended in that same transaction."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from tocsin.storage.record import Transaction

#: Upper bounds of the processing-time histogram, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DURATION = "alert_processing_duration_seconds"
#: The same of how late the steps of escalations are.
LATE_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 300.0)
LATENESS = "escalation_lateness_seconds"


class Tallies:
    """Collects (tenant, name, labels) -> value, then writes one row each. Labels joined by '|'."""

    def __init__(self) -> None:
        self._sums: Counter[tuple[int, str, str]] = Counter()

    def add(self, tenant: int, name: str, *labels: str, value: float = 1) -> None:
        self._sums[tenant, name, "|".join(labels)] += value  # type: ignore[assignment]

    def took(self, tenant: int, severity: str, duration: timedelta, times: int = 1) -> None:
        """Note that so many alerts took so long from acceptance to decision."""
        seconds = max(0.0, duration.total_seconds())
        bound = next((f"{b:g}" for b in BOUNDS if seconds <= b), "+Inf")
        self.add(tenant, DURATION, severity, bound, value=times)
        self.add(tenant, f"{DURATION}_sum", severity, value=seconds * times)

    def late(self, tenant: int, lateness: timedelta) -> None:
        """Note that a step of an escalation was taken so long after its time."""
        seconds = max(0.0, lateness.total_seconds())
        bound = next((f"{b:g}" for b in LATE_BOUNDS if seconds <= b), "+Inf")
        self.add(tenant, LATENESS, bound)
        self.add(tenant, f"{LATENESS}_sum", value=seconds)

    def write(self, tx: Transaction) -> None:
        tx.many(
            "INSERT INTO tally (tenant, name, labels, value) SELECT * FROM"
            " json_to_recordset(%(items)s)"
            " AS r (tenant bigint, name text, labels text, value float8)",
            [
                {"tenant": tenant, "name": name, "labels": labels, "value": value}
                for (tenant, name, labels), value in self._sums.items()
            ],
        )
        self._sums.clear()
