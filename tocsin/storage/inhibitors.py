"""The alerts that are sources of inhibit rules, under the keys by which targets ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tocsin.domain import inhibition
from tocsin.storage.record import Transaction

#: The kind of the timer that wakes what an alert held back; its subject is the fingerprint.
TIMER = "inhibitor"
Asked = tuple[int, inhibition.Question]
#: By tenant, and then by fingerprint, what inhibits an alert.
Holds = dict[int, dict[str, inhibition.Hold]]


class Target(NamedTuple):
    """An alert with the labels that it has now, and the rules of its tenant."""

    tenant: int
    rules: Sequence[inhibition.Rule]
    fingerprint: str
    labels: Mapping[str, str]


OF = """
SELECT i.tenant, i.fingerprint, i.rule, i.equals, i.two_sided FROM inhibitor i
JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, fingerprint)
  ON i.tenant = k.tenant AND i.fingerprint = k.fingerprint
"""
ADD = """
INSERT INTO inhibitor (tenant, rule, equals, fingerprint, two_sided)
SELECT * FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, rule text, equals text, fingerprint text, two_sided boolean)
ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING
"""
#: Locked in the order of the key before they go: a flush that obeys one of them is waited for.
REMOVE = """
WITH gone AS MATERIALIZED (
  SELECT i.tenant, i.rule, i.equals, i.fingerprint FROM inhibitor i
  JOIN json_to_recordset(%(items)s)
    AS r (tenant bigint, rule text, equals text, fingerprint text)
    ON i.tenant = r.tenant AND i.rule = r.rule AND i.equals = r.equals
    AND i.fingerprint = r.fingerprint
  ORDER BY 1, 2, 3, 4 FOR UPDATE OF i)
DELETE FROM inhibitor i USING gone g
WHERE i.tenant = g.tenant AND i.rule = g.rule AND i.equals = g.equals
  AND i.fingerprint = g.fingerprint
"""
#: One that fires for each key. The shared lock makes whoever takes it away wait for this flush.
FIRING = """
SELECT k.tenant, k.rule, k.equals, k.one_sided, f.fingerprint
FROM json_to_recordset(%(items)s)
  AS k (tenant bigint, rule text, equals text, one_sided boolean)
CROSS JOIN LATERAL (
  SELECT i.fingerprint FROM inhibitor i
  JOIN alert a ON a.tenant = i.tenant AND a.fingerprint = i.fingerprint AND a.status = 'firing'
    AND (a.expires_at IS NULL OR a.expires_at > %(now)s)
  WHERE i.tenant = k.tenant AND i.rule = k.rule AND i.equals = k.equals
    AND NOT (k.one_sided AND i.two_sided)
  ORDER BY i.fingerprint LIMIT 1 {lock}) f
"""
FIRING_ALERTS = """
SELECT fingerprint, labels, added, ruled FROM alert
WHERE tenant = %s AND fingerprint > %s AND status = 'firing' ORDER BY fingerprint LIMIT %s
"""


def of(tx: Transaction, keys: Collection[tuple[int, str]]) -> list[dict[str, Any]]:
    """What is stored of these alerts (tenant, fingerprint)."""
    if not keys:
        return []
    return tx.rows(OF, [[tenant for tenant, _ in keys], [mark for _, mark in keys]])


def add(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Store {tenant, rule, equals, fingerprint, two_sided}; what is there already stays."""
    tx.many(ADD, items)


def remove(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Forget these, once no flush relies on them any more; the caller wakes what they held."""
    tx.many(REMOVE, items)


def holds(tx: Transaction, some: Iterable[Target], *, obey: bool = True) -> Holds:
    """What inhibits these alerts now, asked once for all of them; `obey`: see `firing`."""
    asked: dict[tuple[int, str], list[tuple[inhibition.Rule, inhibition.Question]]] = {}
    for target in some:
        key = target.tenant, target.fingerprint
        if target.rules and key not in asked:
            asked[key] = list(inhibition.questions(target.rules, target.labels))
    wanted = {(tenant, question) for (tenant, _), found in asked.items() for _, question in found}
    sources = firing(tx, wanted, obey=obey) if wanted else {}
    found_by: Holds = {}
    for (tenant, mark), found in asked.items():
        for rule, question in found:
            if source := sources.get((tenant, question)):
                hold = inhibition.Hold(source, rule.name)
                found_by.setdefault(tenant, {}).setdefault(mark, hold)
    return found_by


def firing(tx: Transaction, asked: Collection[Asked], *, obey: bool = True) -> dict[Asked, str]:
    """For each question under whose key something fires the fingerprint of one such alert.

    It stays what it is until the transaction ends, unless the caller only shows it (`obey` False).
    """
    items = [{"tenant": tenant, **question._asdict()} for tenant, question in sorted(asked)]
    sql = FIRING.format(lock="FOR SHARE OF i" if obey else "")
    return {
        (row["tenant"], inhibition.Question(row["rule"], row["equals"], row["one_sided"])):
            row["fingerprint"]
        for row in tx.many(sql, items, {"now": tx.now})
    }  # fmt: skip


def firing_alerts(tx: Transaction, tenant: int, after: str, limit: int) -> list[dict[str, Any]]:
    """A page of the alerts that fire, by fingerprint, with their labels."""
    return tx.rows(FIRING_ALERTS, [tenant, after, limit])


def retire(tx: Transaction, tenant: int, rules: Collection[str]) -> None:
    """Forget what is stored under rules that are not these; groups are held anew by the caller."""
    tx.run("DELETE FROM inhibitor WHERE tenant = %s AND rule <> ALL(%s)", [tenant, list(rules)])
