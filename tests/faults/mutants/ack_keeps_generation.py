"""An act does not raise the generation of its incident."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/incidents.py",
            'row = {**row, "generation": row["generation"] + 1}',
            'row = {**row, "generation": row["generation"]}',
        ),
    ),
    Pytest(
        "tests/actors/test_deliver.py",
        "test_an_attempt_in_doubt_is_not_begun_again_after_an_acknowledgement",
        "test_an_acknowledgement_calls_off_a_page_that_waits",
    ),
)
