"""Nobody looks for work that was not rung for: what Redis forgets is forgotten."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "scheduler/sweep.py",
            "    for actor, queue in dict.fromkeys(rings(work, stages)):\n"
            "        bell.ring(actor, queue)\n",
            "    list(rings(work, stages))\n",
        ),
    ),
    Pytest(
        "tests/scheduler/test_clock.py", "test_everything_that_is_due_is_rung_once_on_its_queue"
    ),
)
