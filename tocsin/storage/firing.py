"""What fires now, read page by page for those who want all of it; nothing is locked."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from psycopg.rows import DictRow

from tocsin.domain import tags
from tocsin.storage.record import Transaction

COLUMNS = (
    "a.fingerprint, a.labels, a.added, a.ruled, a.annotations, a.generator_url, a.starts_at,"
    " a.expires_at, a.last_seen"
)
FIRES = "a.status = 'firing' AND (a.expires_at IS NULL OR a.expires_at > %(now)s)"
ALERTS = f"""
SELECT {COLUMNS}, EXISTS (SELECT FROM group_member m
  WHERE m.tenant = a.tenant AND m.fingerprint = a.fingerprint) AS grouped
FROM alert a WHERE a.tenant = %(tenant)s AND a.fingerprint > %(after)s AND {FIRES}{{labels}}
ORDER BY a.fingerprint LIMIT %(limit)s
"""
HAVE_LABELS = " AND a.fingerprint IN (SELECT labelled(%(tenant)s, %(tags)s))"
GROUPS = f"""
SELECT g.id, g.route, g.receiver, g.labels, count(*) AS members FROM alert_group g
JOIN group_member m ON m.tenant = g.tenant AND m.group_id = g.id
JOIN alert a ON a.tenant = m.tenant AND a.fingerprint = m.fingerprint AND {FIRES}
WHERE g.tenant = %(tenant)s GROUP BY g.tenant, g.id
"""
#: In the order of the ids that were given. Each group is read on from where the last page ended,
#: along its key; alerts only then, one by one: OFFSET 0 keeps the planner from reading all of them
#: for each page, as it likes to while the tables have no statistics yet.
MEMBERS = f"""
WITH page AS MATERIALIZED (
  SELECT k.place, found.fingerprint FROM unnest(%(groups)s::uuid[]) WITH ORDINALITY AS k (id, place)
  CROSS JOIN LATERAL (SELECT m.fingerprint FROM group_member m
    WHERE m.tenant = %(tenant)s AND m.group_id = k.id
      AND m.fingerprint > CASE WHEN k.place = %(place)s THEN %(after)s ELSE '' END
    ORDER BY m.fingerprint LIMIT %(limit)s) found
  WHERE k.place >= %(place)s ORDER BY k.place, found.fingerprint LIMIT %(limit)s)
SELECT {COLUMNS}, p.place, p.fingerprint AS member FROM page p
LEFT JOIN LATERAL (SELECT * FROM alert a
  WHERE a.tenant = %(tenant)s AND a.fingerprint = p.fingerprint AND {FIRES} OFFSET 0) a ON true
ORDER BY p.place, p.fingerprint
"""
DROPPED = """
SELECT k.fingerprint, e.cause FROM unnest(%s::text[]) AS k (fingerprint)
CROSS JOIN LATERAL (SELECT outcome, cause FROM alert_event
  WHERE tenant = %s AND fingerprint = k.fingerprint ORDER BY id DESC LIMIT 1) e
WHERE e.outcome = 'dropped'
"""


def alerts(
    tx: Transaction, tenant: int, *, equal: Sequence[tuple[str, str]], after: str, limit: int
) -> list[DictRow]:
    """A page of what fires and has these labels, by fingerprint; `grouped`: it is in a group."""
    params: dict[str, Any] = {"tenant": tenant, "now": tx.now, "after": after, "limit": limit}
    condition = HAVE_LABELS if equal else ""
    return tx.rows(ALERTS.format(labels=condition), {**params, "tags": tags.of(tenant, equal)})


def groups(tx: Transaction, tenant: int) -> list[DictRow]:
    """Every group in which something fires, and how much."""
    return tx.rows(GROUPS, {"tenant": tenant, "now": tx.now})


def members(
    tx: Transaction, tenant: int, ids: Sequence[uuid.UUID], *, place: int, after: str, limit: int
) -> list[DictRow]:
    """A page of the members of these groups, behind the place of a group and a `member` of it.

    `place` counts from 1. Where `fingerprint` is NULL, the member does not fire.
    """
    params = {"tenant": tenant, "now": tx.now, "groups": list(ids), "place": place,
              "after": after, "limit": limit}  # fmt: skip
    return tx.rows(MEMBERS, params)


def dropped(tx: Transaction, tenant: int, fingerprints: Sequence[str]) -> dict[str, str]:
    """Those of these that a rule has dropped, and what it said."""
    if not fingerprints:
        return {}
    rows = tx.rows(DROPPED, [list(fingerprints), tenant])
    return {row["fingerprint"]: row["cause"] or "" for row in rows}
