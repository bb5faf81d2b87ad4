"""Without the record senders hear 429, after which Alertmanager waits for minutes."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/errors.py",
            '    status = 503\n    title = "The record is away"\n',
            '    status = 429\n    title = "The record is away"\n',
        ),
    ),
    Pytest(
        "tests/ingest/test_durability.py",
        "test_without_the_record_nothing_is_accepted_and_it_heals_by_itself",
    ),
)
