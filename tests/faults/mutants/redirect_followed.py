"""A redirect of a receiver is followed, wherever it leads."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/egress/exchange.py",
            "follow_redirects=False,",
            "follow_redirects=True,",
        ),
    ),
    Pytest("tests/contracts/test_channels.py", "test_every_refusal_has_its_meaning"),
)
