"""One query of incidents has no filter of the tenant."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/search_incidents.py",
            '" WHERE i.tenant = %s"\n)',
            '" WHERE %s > 0"\n)',
        ),
    ),
    Pytest("tests/web/test_access.py", "test_what_is_anothers_does_not_exist"),
    held_by="row-level security",
)
