"""What a dead worker held is never held against it."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "scheduler/housekeeping.py",
            "SELECT recover_drains(%s::interval) AS n",
            "SELECT 0 AS n, %s::interval AS age",
        ),
    ),
    Pytest("tests/workers/test_drain.py", "test_what_a_dead_worker_held_runs_alone_from_now_on"),
)
