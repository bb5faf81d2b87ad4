"""The lease of a delivery never lapses: who was killed keeps it."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/migrations/versions/0026_claims_of_so_many.py",
            "lease_until = tocsin_now() + p_lease, due_at = tocsin_now() + p_lease",
            "lease_until = tocsin_now() + p_lease, due_at = 'infinity'",
        ),
    ),
    Pytest(
        "tests/actors/test_leases.py",
        "test_a_lapsed_lease_is_taken_up_in_doubt_under_the_same_key_and_the_late_one_is_fenced_off",
    ),
)
