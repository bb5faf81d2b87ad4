"""The audit chain proves what was done: whoever edits, removes or reorders is found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Servers
from tocsin.security import audit
from tocsin.storage.record import Record


@pytest.fixture
def tenant(record: Record, make_tenant: Callable[[], int]) -> int:
    """A tenant with a chain of five acts."""
    made = make_tenant()
    for n in range(5):
        with record.session([made]) as tx:
            audit.record(tx, made, "ann", "silence.add", f"s{n}", {"b": n, "a": "ü"})
    return made


@pytest.fixture
def owner(servers: Servers) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(servers.owner_url, autocommit=True) as conn:
        yield conn


def verified(record: Record, tenant: int) -> int | None:
    with record.session([tenant]) as tx:
        return audit.verify(tx, tenant)


def test_an_untouched_chain_is_whole(record: Record, tenant: int) -> None:
    assert verified(record, tenant) is None
    with record.session([tenant]) as tx:
        rows = tx.rows("SELECT seq, detail FROM audit ORDER BY seq")
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[1]["detail"] == '{"a":"ü","b":1}'


def test_a_tenant_without_acts_has_a_whole_chain(
    record: Record, make_tenant: Callable[[], int]
) -> None:
    assert verified(record, make_tenant()) is None


@pytest.mark.parametrize(
    "column",
    ["at = at + interval '1 us'", "actor = 'bob'", "act = 'silence.expire'", "subject = 's9'",
     "detail = '{}'", "prev = ''", "hash = decode('00', 'hex')"],
)  # fmt: skip
def test_a_row_that_was_edited_is_found(
    record: Record, tenant: int, owner: psycopg.Connection[Any], column: str
) -> None:
    owner.execute(f"UPDATE audit SET {column} WHERE tenant = %s AND seq = 3".encode(), [tenant])
    assert verified(record, tenant) == 3


def test_a_row_that_was_removed_is_found(
    record: Record, tenant: int, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("DELETE FROM audit WHERE tenant = %s AND seq = 2", [tenant])
    assert verified(record, tenant) == 2
    owner.execute("UPDATE audit SET seq = seq - 1 WHERE tenant = %s AND seq > 2", [tenant])
    assert verified(record, tenant) == 2


def test_rows_that_changed_places_are_found(
    record: Record, tenant: int, owner: psycopg.Connection[Any]
) -> None:
    for seq, to in ((2, 99), (4, 2), (99, 4)):
        owner.execute("UPDATE audit SET seq = %s WHERE tenant = %s AND seq = %s", [to, tenant, seq])
    assert verified(record, tenant) == 2


def test_a_chain_moved_to_another_tenant_is_found(
    record: Record, tenant: int, owner: psycopg.Connection[Any], make_tenant: Callable[[], int]
) -> None:
    other = make_tenant()
    owner.execute("UPDATE audit SET tenant = %s WHERE tenant = %s", [other, tenant])
    assert verified(record, other) == 1


def test_an_act_that_was_rolled_back_leaves_no_gap(record: Record, tenant: int) -> None:
    def lost() -> None:
        with record.session([tenant]) as tx:
            audit.record(tx, tenant, "ann", "lost", "", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lost()
    with record.session([tenant]) as tx:
        audit.record(tx, tenant, "ann", "kept", "", {})
    assert verified(record, tenant) is None


@pytest.mark.parametrize("sql", ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"])
def test_the_application_itself_can_change_no_row(record: Record, tenant: int, sql: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        record.session([tenant]) as tx,
    ):
        tx.run(sql)
    assert verified(record, tenant) is None
