"""A receiver that says no for good is asked again and again."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/egress/exchange.py",
            "if status in _AGAIN or status >= 500:",
            "if status in _AGAIN or status >= 400:",
        ),
    ),
    Pytest(
        "tests/actors/test_deliver.py",
        "test_what_cannot_work_is_dead_says_why_and_is_sent_by_hand_once_it_can",
    ),
)
