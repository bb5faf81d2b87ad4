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
    Pytest(
        "tests/actors/test_deliver.py",
        "test_news_wait_for_a_first_message_in_doubt_which_is_repeated_under_its_key",
        "test_what_may_have_arrived_keeps_its_place_and_its_key",
    ),
)
