"""While Redis is away nobody looks for work."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/_lifeline.py",
            "            if not self._bell.alive():\n",
            "            if not self._bell.alive() and names == []:\n",
        ),
    ),
    Pytest(
        "tests/actors/test_lifeline.py",
        "test_with_redis_dead_the_lifeline_runs_the_queues_of_its_process",
    ),
)
