"""Whether somebody acted meanwhile is not asked again when a delivery is claimed."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/_errands.py",
            'if brief.reason in deliveries.PAGING and row["generation"] < brief.generation:',
            'if brief.reason in () and row["generation"] < brief.generation:',
        ),
    ),
    Pytest(
        "tests/actors/test_deliver.py",
        "test_an_attempt_in_doubt_is_not_begun_again_after_an_acknowledgement",
    ),
)
