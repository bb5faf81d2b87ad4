"""A step that two workers take is taken by both."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/escalate.py",
            "        still = timers.still_due(tx, escalations.TIMER, [subject for _, "
            "subject in held])\n",
            '        still = {(row["tenant"], row["subject"]): row["due_at"] for row in due}\n',
        ),
    ),
    Pytest(
        "tests/actors/test_escalate_once.py",
        "test_two_workers_that_claim_the_same_step_take_it_once",
    ),
)
