"""The search over labels looks past row-level security, and must not look past the tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.storage.test_isolation import insertion
from tocsin.storage.record import Record

Owner = psycopg.Connection[dict[str, Any]]
MINE, OTHER = 71, 72
FOUND = "SELECT labelled(%s, %s) AS fingerprint"


@pytest.fixture
def both(owner: Owner) -> Iterator[None]:
    """An alert of each tenant, with the same tags."""
    for tenant in (MINE, OTHER):
        owner.execute(insertion(owner, "alert", tenant))
    owner.execute("UPDATE alert SET tags = '{5,6}', fingerprint = tenant::text WHERE tenant > 70")
    yield
    owner.execute("DELETE FROM alert WHERE tenant > 70")


def found(record: Record, seen: list[int], asked: int, *tags: int) -> list[str]:
    with record.session(seen) as tx:
        return [row["fingerprint"] for row in tx.rows(FOUND, [asked, list(tags)])]


@pytest.mark.usefixtures("both")
def test_one_finds_ones_own_by_all_tags(own_record: Record) -> None:
    assert found(own_record, [MINE], MINE, 5, 6) == [str(MINE)]
    assert found(own_record, [MINE], MINE, 5, 7) == []


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("seen", [[MINE], []])
def test_a_tenant_that_the_transaction_does_not_name_has_none(
    own_record: Record, seen: list[int]
) -> None:
    assert found(own_record, seen, OTHER, 5) == []
