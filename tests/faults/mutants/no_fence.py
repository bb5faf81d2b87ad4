"""Who lost the lease of a delivery still writes what became of it."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/deliveries.py",
            "AND fence = %(fence)s AND state",
            "AND %(fence)s > 0 AND state",
        ),
        Edit(
            "tocsin/storage/deliveries.py",
            "WHERE tenant = %s AND id = %s AND fence = %s AND state = 'sending'\",\n",
            "WHERE tenant = %s AND id = %s AND %s > 0 AND state = 'sending'\",\n",
        ),
    ),
    Pytest(
        "tests/actors/test_leases.py",
        "test_a_lapsed_lease_is_taken_up_in_doubt_under_the_same_key_and_the_late_one_is_fenced_off",
        "test_whatever_a_late_finisher_has_to_say_changes_nothing",
    ),
)
