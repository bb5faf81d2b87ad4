"""One query of incidents has no filter of the tenant, and no policy stands under it."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/search_incidents.py",
            '" WHERE i.tenant = %s"\n)',
            '" WHERE %s > 0"\n)',
        ),
        Edit(
            "tocsin/storage/migrations/guards.py",
            '    mine = MINE.format(column="id" if table == "tenant" else "tenant")\n',
            '    mine = MINE.format(column="id" if table == "tenant" else "tenant")\n'
            '    if table in ("incident", "alert_group", "incident_group"):\n'
            '        mine = "true"\n',
        ),
    ),
    Pytest("tests/web/test_access.py", "test_what_is_anothers_does_not_exist"),
)
