"""Alert events: each change, and the explanation in which it ends."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin.domain import explanation
from tocsin.storage.record import Transaction

INSERT = """
INSERT INTO alert_event (tenant, received_at, fingerprint, kind, status, severity, posted,
                         policy_version, outcome, cause, explained_at)
SELECT tenant, received_at, fingerprint, kind, status, severity, posted, policy_version, outcome,
  cause, CASE WHEN outcome IS NULL THEN NULL ELSE %(now)s END
FROM json_to_recordset(%(items)s) AS r (n int, tenant bigint, received_at timestamptz,
  fingerprint text, kind text, status text, severity text, posted boolean, policy_version int,
  outcome text, cause text)
ORDER BY n RETURNING id, fingerprint
"""
#: Several groups may explain one event; the strongest explanation stays. There is nothing to join,
#: lest the planner walk along the times of the events, where it meets all that the tenant received
#: since: each is looked up by its key and finds its explanation by its place in the arrays.
SETTLE = """
UPDATE alert_event SET explained_at = %(now)s,
  outcome = (%(outcomes)s::text[])[array_position(%(ids)s::bigint[], id)],
  cause = (%(causes)s::text[])[array_position(%(ids)s::bigint[], id)]
WHERE tenant = ANY(%(tenants)s) AND id = ANY(%(ids)s)
  AND received_at >= %(since)s AND received_at < %(until)s
  AND coalesce(array_position(%(order)s, outcome), 0)
      <= (%(strengths)s::int[])[array_position(%(ids)s::bigint[], id)]
"""
#: So many at once: places are looked for from the beginning each time.
SETTLED_AT_ONCE = 500
#: No event was received later than so much from now.
AHEAD = timedelta(hours=1)
#: Weakest first: what one delivery's fate may overwrite.
ORDER = sorted(explanation.STRENGTH, key=lambda outcome: explanation.STRENGTH[outcome])


def insert(tx: Transaction, items: Sequence[dict[str, Any]]) -> list[int]:
    """Append events in this order; returns their ids in the same order."""
    numbered = [{"n": n, **item} for n, item in enumerate(items)]
    return [row["id"] for row in tx.many(INSERT, numbered, {"now": tx.now})]


def settle(tx: Transaction, items: Sequence[dict[str, Any]], since: datetime) -> None:
    """Explain events: {tenant, id, outcome, cause}. No event of them is older than `since`."""
    strongest = {item["id"]: item for item in sorted(items, key=_strength)}
    chosen = [strongest[id] for id in sorted(strongest)]
    bounds = {"now": tx.now, "order": ORDER, "since": since, "until": tx.now + AHEAD}
    for at in range(0, len(chosen), SETTLED_AT_ONCE):
        some = chosen[at : at + SETTLED_AT_ONCE]
        tx.run(SETTLE, bounds | {
            "tenants": sorted({item["tenant"] for item in some}),
            "ids": [item["id"] for item in some],
            "outcomes": [item["outcome"] for item in some],
            "causes": [item["cause"] for item in some],
            "strengths": [_strength(item) for item in some],
        })  # fmt: skip


def _strength(item: dict[str, Any]) -> int:
    """As `array_position` counts in ORDER."""
    return ORDER.index(item["outcome"]) + 1


def of_notifications(
    tx: Transaction, keys: Sequence[tuple[int, uuid.UUID]]
) -> list[dict[str, Any]]:
    """What these notifications tell of, since when, and the states of their deliveries."""
    return tx.rows(
        "SELECT n.tenant, n.id, n.events, n.events_since, array_agg(d.state) AS states"
        " FROM notification n JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)"
        "  ON n.tenant = k.tenant AND n.id = k.id"
        " JOIN delivery d ON d.tenant = n.tenant AND d.notification_id = n.id"
        " GROUP BY n.tenant, n.id",
        [[tenant for tenant, _ in keys], [id for _, id in keys]],
    )


def changes(tx: Transaction, ids: list[int], since: datetime) -> list[dict[str, Any]]:
    """Events with the alerts they changed, for a stage that works on stored alerts."""
    return tx.rows(
        "SELECT e.tenant, e.id, e.received_at, e.fingerprint, e.kind, e.status, e.severity,"
        " e.policy_version, e.outcome, a.labels, a.annotations, a.extra, a.added, a.ruled,"
        " a.source, a.starts_at"
        " FROM alert_event e JOIN alert a ON a.tenant = e.tenant AND a.fingerprint = e.fingerprint"
        " WHERE e.id = ANY(%s) AND e.received_at >= %s AND e.received_at < %s ORDER BY e.id",
        [ids, since, tx.now + AHEAD],
    )
