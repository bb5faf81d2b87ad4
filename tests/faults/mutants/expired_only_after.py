"""An alert that ends at this very moment has not run out yet."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/domain/lifecycle.py",
            "known.expires_at is not None and known.expires_at <= now",
            "known.expires_at is not None and known.expires_at < now",
        ),
    ),
    Pytest("tests/domain/test_lifecycle.py"),
)
