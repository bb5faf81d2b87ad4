"""What a dead worker held is never held against it."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "scheduler/housekeeping.py",
            "SELECT recover_notes(%s::interval) AS n",
            "SELECT 0 AS n, %s::interval AS age",
        ),
    ),
    Faults("poison_alert"),
)
