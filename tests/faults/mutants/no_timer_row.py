"""The next step of an escalation has no timer."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/escalations.py",
            '    tx.many(ARM, [row for row in rows if row["state"] == "running"])\n',
            "",
        ),
    ),
    Pytest(
        "tests/actors/test_escalate_once.py",
        "test_redis_forgets_everything_between_two_steps_and_the_rows_decide",
    ),
)
