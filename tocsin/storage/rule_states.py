"""What rules remember: locked once per drain, written once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tocsin import errors
from tocsin.storage.record import Transaction

#: (tenant, key), or (tenant, key, rule)
Key = tuple[int, str]
StateKey = tuple[int, str, str]

LOCK = """
SELECT s.tenant, s.key, s.rule, s.state, s.raised, s.due_at
FROM rule_state s JOIN unnest(%b::bigint[], %b::text[]) AS k (tenant, key)
  ON s.tenant = k.tenant AND s.key = k.key
ORDER BY s.tenant, s.key, s.rule FOR UPDATE OF s
"""
INSERT = """
INSERT INTO rule_state (tenant, key, rule, state, raised, due_at, updated_at)
SELECT tenant, key, rule, state, raised, due_at, %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, key text, rule text, state text,
  raised text, due_at timestamptz)
ORDER BY tenant, key, rule ON CONFLICT DO NOTHING RETURNING 1 AS one
"""
UPDATE = """
UPDATE rule_state s SET state = r.state, raised = r.raised, due_at = r.due_at, updated_at = %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, key text, rule text, state text,
  raised text, due_at timestamptz)
WHERE s.tenant = r.tenant AND s.key = r.key AND s.rule = r.rule
"""
DELETE = """
DELETE FROM rule_state s
USING json_to_recordset(%(items)s) AS r (tenant bigint, key text, rule text)
WHERE s.tenant = r.tenant AND s.key = r.key AND s.rule = r.rule
"""


def lock(tx: Transaction, keys: Collection[Key]) -> list[dict[str, Any]]:
    """All that is remembered under these keys, of whatever rule, in the order of the key."""
    if not keys:
        return []
    ordered = sorted(keys)
    return tx.rows(LOCK, [[tenant for tenant, _ in ordered], [key for _, key in ordered]])


def insert(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Begin to remember {tenant, key, rule, state, raised, due_at}.

    Raises Again where another worker began with one of them meanwhile.
    """
    if items and len(tx.many(INSERT, items, {"now": tx.now})) != len(items):
        raise errors.Again


def update(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write locked states, as in `insert`."""
    tx.many(UPDATE, items, {"now": tx.now})


def forget(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Remove the states of these {tenant, key, rule}."""
    tx.many(DELETE, items)


def of_other_rules(tx: Transaction, tenant: int, known: list[str]) -> list[dict[str, Any]]:
    """The states of a tenant that belong to none of these rules, locked."""
    return tx.rows(
        "SELECT tenant, key, rule, state, raised, due_at FROM rule_state"
        " WHERE tenant = %s AND rule <> ALL(%s) ORDER BY tenant, key, rule FOR UPDATE",
        [tenant, known],
    )


def raised(tx: Transaction, keys: Collection[Key]) -> set[Key]:
    """Which of these (tenant, fingerprint) some rule still holds raised."""
    if not keys:
        return set()
    found = tx.rows(
        "SELECT DISTINCT s.tenant, s.raised FROM rule_state s"
        " JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, raised)"
        " ON s.tenant = k.tenant AND s.raised = k.raised",
        [[tenant for tenant, _ in keys], [mark for _, mark in keys]],
    )
    return {(row["tenant"], row["raised"]) for row in found}


def firing(tx: Transaction, keys: Collection[Key]) -> list[dict[str, Any]]:
    """Which of these alerts fire now: tenant, fingerprint, severity."""
    if not keys:
        return []
    return tx.rows(
        "SELECT a.tenant, a.fingerprint, a.severity FROM alert a"
        " JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, fingerprint)"
        " ON a.tenant = k.tenant AND a.fingerprint = k.fingerprint"
        " WHERE a.status = 'firing' ORDER BY a.tenant, a.fingerprint",
        [[tenant for tenant, _ in keys], [mark for _, mark in keys]],
    )
