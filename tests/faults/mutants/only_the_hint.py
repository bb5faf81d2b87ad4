"""Nobody looks for work that was not rung for: what Redis forgets is forgotten."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "scheduler/sweep.py",
            "    for actor, queue in rings(work, stages):\n        bell.ring(actor, queue)\n",
            "    list(rings(work, stages))\n",
        ),
    ),
    Faults("redis_emptied,redis_cut"),
)
