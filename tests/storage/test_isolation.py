"""What the database itself keeps apart, asked of every table and function that there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Servers
from tocsin.storage import tenants
from tocsin.storage.record import Record, Transaction

Owner = psycopg.Connection[dict[str, Any]]
TABLES = """
SELECT c.relname AS name, a.attname AS key, c.relrowsecurity AND c.relforcerowsecurity AS guarded
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attname = CASE c.relname WHEN 'tenant' THEN 'id' ELSE 'tenant' END ORDER BY 1
"""
OTHERS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND NOT relispartition AND relname <> ALL(%s) ORDER BY 1
"""
COLUMNS = """
SELECT column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'
  AND table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
"""
DEFINERS = """
SELECT p.oid::regprocedure::text AS name, has_function_privilege('public', p.oid, 'execute') AS all,
  has_function_privilege('tocsin_service', p.oid, 'execute') AS service,
  pg_get_userbyid(p.proowner) AS owner, p.proconfig
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
"""
VALUES = {
    "text": "md5(random()::text)", "int8": "1", "int4": "1", "int2": "1", "bool": "false",
    "float8": "0", "timestamptz": "now()", "uuid": "gen_random_uuid()",
    "bytea": "decode(md5(random()::text), 'hex')", "_text": "'{}'", "_int8": "'{}'",
}  # fmt: skip
REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture(scope="module")
def two(own_record: Record) -> tuple[int, int]:
    """Two tenants that know nothing of each other."""
    with own_record.admin() as tx:
        return tenants.create(tx, "isolated-a"), tenants.create(tx, "isolated-b")


@pytest.fixture(scope="module")
def keys(place: Servers, two: tuple[int, int]) -> dict[str, str]:
    """Each table of tenants, with a row of both in it, and its column that names the tenant."""
    with psycopg.connect(place.owner_url) as conn:
        found = {name: key for name, key, _ in conn.execute(TABLES)}
        for table in found:
            if table != "tenant":
                for tenant in two:
                    conn.execute(insertion(conn, table, tenant))
    return found


def insertion(conn: psycopg.Connection[Any], table: str, tenant: int) -> bytes:
    with conn.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        types: dict[str, str] = dict(cursor.execute(COLUMNS, [table]).fetchall())
    values = {name: VALUES[kind] for name, kind in types.items()} | {"tenant": str(tenant)}
    return (
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})".encode()
    )


def touched(tx: Transaction, sql: str) -> int:
    """Rows that the statement touched; -1 where the database refused it. Nothing stays."""
    tx.run("SAVEPOINT here")
    try:
        return tx.run(sql)
    except (REFUSED, psycopg.errors.GeneratedAlways):
        return -1
    finally:
        tx.run("ROLLBACK TO here")


def test_every_table_is_either_a_tenants_and_guarded_or_known_to_be_nobodys(owner: Owner) -> None:
    found = owner.execute(TABLES).fetchall()
    assert len(found) > 20
    assert [row["name"] for row in found if not row["guarded"]] == []
    others = owner.execute(OTHERS, [[row["name"] for row in found]]).fetchall()
    assert [row["relname"] for row in others] == [
        "alembic_version", "clock_offset", "drain_note", "hearing", "progress", "work_note",
    ]  # fmt: skip


def test_every_key_of_a_tenants_table_begins_with_the_tenant(owner: Owner) -> None:
    first = owner.execute(
        "SELECT i.indrelid::regclass::text AS name, a.attname AS column FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " JOIN pg_class c ON c.oid = i.indrelid WHERE i.indisprimary AND NOT c.relispartition"
        " AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    starts = {row["name"]: row["column"] for row in first}
    tables = {row["name"]: row["key"] for row in owner.execute(TABLES)}
    assert {name: starts[name] for name in tables} == tables


def test_another_tenant_sees_changes_and_removes_nothing(
    own_record: Record, keys: dict[str, str], two: tuple[int, int]
) -> None:
    mine, other = two
    with own_record.session([other]) as tx:
        for table, key in keys.items():
            rows = tx.rows(f"SELECT {key} AS tenant FROM {table}")
            assert rows, f"{table} shows a tenant nothing of its own"
            assert {row["tenant"] for row in rows} == {other}, table
            column = "name" if table == "tenant" else key
            changing = f"UPDATE {table} SET {column} = {column} WHERE {key} = {mine}"
            assert touched(tx, changing) <= 0, table
            assert touched(tx, f"DELETE FROM {table} WHERE {key} = {mine}") <= 0, table


def test_nothing_can_be_put_into_another_tenant_or_moved_there(
    own_record: Record, owner: Owner, keys: dict[str, str], two: tuple[int, int]
) -> None:
    mine, other = two
    with own_record.session([other]) as tx:
        for table, key in keys.items():
            moved = touched(tx, f"UPDATE {table} SET {key} = {mine} WHERE {key} = {other}")
            assert moved == -1, table
            if table != "tenant":
                assert touched(tx, insertion(owner, table, mine).decode()) == -1, table


def test_without_a_tenant_there_are_no_rows(own_record: Record, keys: dict[str, str]) -> None:
    with own_record.claims() as tx:
        seen = {table: tx.rows(f"SELECT 1 AS one FROM {table}") for table in keys}
    assert {table: rows for table, rows in seen.items() if rows} == {}


def test_a_session_of_two_tenants_sees_both_and_scope_narrows_it(
    own_record: Record, keys: dict[str, str], two: tuple[int, int]
) -> None:
    with own_record.session(two) as tx:
        assert {row["tenant"] for row in tx.rows("SELECT tenant FROM alert")} == set(two)
        tx.scope(two[:1])
        assert {row["tenant"] for row in tx.rows("SELECT tenant FROM alert")} == {two[0]}
    with own_record.claims() as tx:  # the connection that comes back knows of no one
        assert tx.rows("SELECT 1 AS one FROM alert") == []


def test_partitions_cannot_be_read_past_their_parent(own_record: Record, owner: Owner) -> None:
    partitions = [
        row["name"]
        for row in owner.execute("SELECT inhrelid::regclass::text AS name FROM pg_inherits"
                                 " JOIN pg_class ON oid = inhrelid WHERE relkind = 'r'")
    ]  # fmt: skip
    assert len(partitions) > 20
    with own_record.claims() as tx:
        assert {touched(tx, f"SELECT 1 FROM {name}") for name in partitions} == {-1}


def test_the_login_of_the_processes_may_do_nothing_by_itself(
    place: Servers, keys: dict[str, str]
) -> None:
    with psycopg.connect(place.database_url, autocommit=True) as conn:
        for table in (*keys, "drain_note", "clock_offset", "alembic_version"):
            with pytest.raises(REFUSED):
                conn.execute(f"SELECT 1 FROM {table}".encode())
        for call in ("claim_inbox('dedup', 1, 1, false)", "tenant_list()", "token_lookup('')"):
            with pytest.raises(REFUSED):
                conn.execute(f"SELECT * FROM {call}".encode())
        with pytest.raises(REFUSED):
            conn.execute("SET ROLE tocsin_claims")


def test_functions_that_look_across_tenants_are_for_the_application_alone(owner: Owner) -> None:
    found = owner.execute(DEFINERS).fetchall()
    assert len(found) > 12
    assert [row["name"] for row in found if row["all"] or row["service"]] == []
    assert [row["name"] for row in found if not row["proconfig"]] == []  # each sets search_path
    theirs = {row["name"] for row in found if row["owner"] == "tocsin_claims"}
    mine = {row["name"] for row in found} - theirs
    assert mine == {
        "make_partitions(date,integer)", "drop_partitions(date)",
        "prune_synthetic(bigint,timestamp with time zone)",
    }  # fmt: skip


def test_no_role_of_ours_gets_past_row_level_security(owner: Owner) -> None:
    roles = owner.execute(
        "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname LIKE 'tocsin\\_%'"
        " AND rolname <> 'tocsin_owner' AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole"
        " AND NOT rolcreatedb ORDER BY 1"
    ).fetchall()
    assert [(row["rolname"], row["rolcanlogin"]) for row in roles] == [
        ("tocsin_app", False), ("tocsin_claims", False), ("tocsin_service", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    ["UPDATE audit SET act = 'x'", "DELETE FROM audit", "TRUNCATE audit",
     "UPDATE config_version SET document = ''", "DELETE FROM config_version",
     "DELETE FROM alert_event", "UPDATE intake SET alerts = 0", "DELETE FROM timeline",
     "UPDATE delivery_attempt SET outcome = 'sent'", "UPDATE counter SET value = 0",
     "UPDATE clock_offset SET seconds = 1", "DELETE FROM clock_offset",
     "INSERT INTO tenant (slug, name, created_at) VALUES ('x', 'x', now())"],
)  # fmt: skip
def test_what_is_evidence_cannot_be_changed_by_the_application(
    own_record: Record, two: tuple[int, int], sql: str
) -> None:
    with pytest.raises(REFUSED), own_record.session(two) as tx:
        tx.run(sql)


@pytest.fixture
def travel(owner: Owner) -> Any:
    def by(seconds: float) -> None:
        owner.execute("UPDATE clock_offset SET seconds = %s", [seconds])

    yield by
    by(0)


def test_only_the_owner_moves_the_clock_and_then_it_moves_for_all(
    own_record: Record, travel: Callable[[float], None]
) -> None:
    with own_record.claims() as tx:
        before = tx.now
    travel(3600)
    with own_record.claims() as tx:
        assert (tx.now - before).total_seconds() >= 3600
