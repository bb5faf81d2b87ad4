"""A claim takes no more than it was asked for, also where the planner thinks the table small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.storage.test_isolation import insertion
from tocsin.storage.record import Record

Owner = psycopg.Connection[dict[str, Any]]
#: What makes rows due that have only what they must have, and the claim of one of them.
CLAIMS = {
    "delivery": (
        "UPDATE delivery SET queue = 'page', channel = 'webhook', state = 'pending',"
        " due_at = tocsin_now(), integration = id::text",
        "SELECT id FROM claim_deliveries('page', 'webhook', 1, '20 seconds', '{}', true)",
    ),
    "lookup": (
        "UPDATE lookup SET due_at = tocsin_now()",
        "SELECT key FROM claim_lookups(1, '20 seconds', '{}')",
    ),
    "score_waiting": ("SELECT 1", "SELECT id FROM claim_scores(1)"),
    "scoring": (
        "UPDATE scoring SET train_at = tocsin_now()",
        "SELECT tenant FROM claim_training()",
    ),
}


@pytest.fixture(params=CLAIMS)
def table(request: pytest.FixtureRequest, owner: Owner) -> Iterator[str]:
    """Empty before and after, for other tests fill it as well."""
    owner.execute(f"DELETE FROM {request.param}".encode())
    yield request.param
    owner.execute(f"DELETE FROM {request.param}".encode())


def test_one_is_one_after_the_table_was_analysed_while_it_was_small(
    own_record: Record, owner: Owner, table: str
) -> None:
    due, claim = CLAIMS[table]
    with owner.transaction():
        for number in range(6):
            owner.execute(insertion(owner, table, number + 1))
            if number == 0:
                owner.execute(f"ANALYZE {table}".encode())
        owner.execute(due)
    with own_record.claims() as tx:
        assert [len(tx.rows(claim)) for _ in range(7)] == [1, 1, 1, 1, 1, 1, 0]
