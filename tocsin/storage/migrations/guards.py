"""What every table and function of the record gets: row-level security, rights, an owner."""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op

MINE = (
    "{column} = ANY((SELECT string_to_array("
    "NULLIF(current_setting('tocsin.tenants', true), ''), ',')::bigint[])::bigint[])"
)


def protect(table: str, rights: str, claims: str = "") -> None:
    """Let tenants see their rows of `table` only.

    `rights` is what the application may do with it, such as "SELECT, INSERT": what nobody may
    change cannot be changed by a bug. `claims` is what the cross-tenant functions may touch.
    """
    mine = MINE.format(column="id" if table == "tenant" else "tenant")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY of_tenant ON {table} TO tocsin_app USING ({mine}) WITH CHECK ({mine})"
    )
    # Under FORCE the owner's own statements would touch no row, silently.
    op.execute(f"CREATE POLICY of_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"GRANT {rights} ON {table} TO tocsin_app")
    if claims:
        op.execute(
            f"CREATE POLICY of_claims ON {table} TO tocsin_claims USING (true) WITH CHECK (true)"
        )
        op.execute(f"GRANT {claims} ON {table} TO tocsin_claims")


def expose(functions: Iterable[str]) -> None:
    """Let the application, and nobody else, call these functions that look across tenants."""
    op.execute("GRANT CREATE ON SCHEMA public TO tocsin_claims")
    for function in functions:
        op.execute(f"ALTER FUNCTION {function} OWNER TO tocsin_claims")
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO tocsin_app")
    op.execute("REVOKE CREATE ON SCHEMA public FROM tocsin_claims")
