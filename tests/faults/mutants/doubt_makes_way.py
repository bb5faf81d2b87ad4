"""What may have arrived makes way for its successor."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/_fates.py",
            "    if newer and not in_doubt:\n",
            "    if newer:\n",
        ),
    ),
    Pytest("tests/actors/test_deliver.py", "test_one_in_doubt_does_not_make_way_for_its_successor"),
)
