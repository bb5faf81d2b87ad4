"""While Redis is away nobody looks for work."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/_lifeline.py",
            "            if not self._bell.alive():\n",
            "            if not self._bell.alive() and names == []:\n",
        ),
    ),
    Faults("redis_dead"),
)
