"""One table has no policy of its tenants."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/migrations/guards.py",
            '    mine = MINE.format(column="id" if table == "tenant" else "tenant")\n',
            '    mine = "true" if table == "delivery" else MINE.format(column="id" if '
            'table == "tenant" else "tenant")\n',
        ),
    ),
    Pytest(
        "tests/storage/test_isolation.py", "test_another_tenant_sees_changes_and_removes_nothing"
    ),
)
