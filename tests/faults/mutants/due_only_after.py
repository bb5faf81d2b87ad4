"""What is due at this very moment is not due yet."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/domain/notifying.py",
            'return "repeat" if not acknowledged and next_repeat(told, '
            "repeat_interval) <= now else None",
            'return "repeat" if not acknowledged and next_repeat(told, '
            "repeat_interval) < now else None",
        ),
    ),
    Pytest("tests/domain/test_notifying.py"),
)
