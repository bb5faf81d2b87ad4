"""The delivery desk: lists by where deliveries stand, and acts on all of a list at once.

An act takes only what was there when it was counted: what came after is not touched.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import DictRow

from schemas.delivery import Chosen
from tocsin.storage import deliveries, groups, incidents, search_deliveries
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

#: What is over is counted for so long.
RECENT = timedelta(days=1)
STANDINGS = {
    "queued": "d.state = 'pending' AND d.attempts = 0",
    "sending": "d.state = 'sending' AND NOT d.in_doubt",
    "retrying": "(d.state = 'pending' AND d.attempts > 0 OR d.state = 'sending' AND d.in_doubt)",
    "dead": "d.state = 'dead'",
    "delivered": "d.state = 'sent'",
    "superseded": "d.state = 'superseded'",
    "dropped": "d.state = 'dropped'",
}
STANDING = "CASE " + " ".join(f"WHEN {sql} THEN '{name}'" for name, sql in STANDINGS.items())
#: Each part from an index of its own.
COUNT = f"""
SELECT {STANDING} END AS standing, count(*) AS n FROM (
  SELECT * FROM delivery WHERE tenant = %(tenant)s AND state = 'pending'
  UNION ALL SELECT * FROM delivery WHERE tenant = %(tenant)s AND state = 'sending'
  UNION ALL SELECT * FROM delivery WHERE tenant = %(tenant)s AND state = 'dead'
  UNION ALL SELECT * FROM delivery WHERE tenant = %(tenant)s
    AND state IN ('sent', 'superseded', 'dropped') AND created_at > %(recent)s
) AS d WHERE true {{chosen}} GROUP BY 1
"""
#: What would become of each. One of a line that is not its newest would overtake the newer one.
JUDGED = """
WITH matching AS (
  SELECT d.* FROM delivery d WHERE d.tenant = %(tenant)s {chosen}
    AND coalesce(d.finished_at, d.created_at) <= %(as_of)s
), line AS (
  SELECT x.group_id, x.integration, bool_or(x.state IN ('pending', 'sending')) AS busy,
    max(x.created_at) FILTER (WHERE x.state IN ('sent', 'dead')) AS newest
  FROM delivery x WHERE x.tenant = %(tenant)s AND x.group_id IN (SELECT group_id FROM matching)
  GROUP BY 1, 2
), judged AS (
  SELECT m.id, m.group_id, m.integration, m.channel, m.destination, m.queue, m.notification_id,
    CASE WHEN m.state = 'sending' THEN 'on_the_way' {cases} ELSE 'can' END AS fate
  FROM matching m JOIN line l ON l.group_id = m.group_id AND l.integration = m.integration
)
"""
RETRY_CASES = """
  WHEN m.state = 'pending' AND m.due_at <= %(now)s THEN 'on_the_way'
  WHEN m.state = 'dead' AND (l.busy OR l.newest > m.created_at OR row_number() OVER (
    PARTITION BY m.group_id, m.integration ORDER BY m.state, m.created_at DESC, m.id DESC) > 1)
  THEN 'newer'
"""
RETRY = """
UPDATE delivery d SET state = 'pending', cause = %(cause)s, due_at = %(now)s, attempts = 0,
  created_at = CASE WHEN d.state = 'dead' THEN %(now)s ELSE d.created_at END, finished_at = NULL,
  provider_id = NULL, receipt = NULL, receipt_at = NULL
FROM judged j WHERE d.tenant = %(tenant)s AND d.id = j.id AND j.fate = 'can'
  AND d.state IN ('dead', 'pending')
RETURNING d.id, d.channel, d.queue, d.notification_id
"""
DROP = """
UPDATE delivery d SET state = 'dropped', cause = %(cause)s, finished_at = %(now)s
FROM judged j WHERE d.tenant = %(tenant)s AND d.id = j.id AND j.fate = 'can'
  AND d.state IN ('dead', 'pending')
RETURNING d.id, d.channel, d.queue, d.notification_id, d.tenant, d.incident_id
"""
#: Pages that give an incident to somebody.
GIVING = """
SELECT tenant, incident_id, generation, person, facts FROM delivery
WHERE tenant = %s AND id = ANY(%s) AND person IS NOT NULL AND facts IS NULL
"""
CASES = {"retry": RETRY_CASES, "drop": ""}


def counts(tx: Transaction, tenant: int, chosen: Chosen) -> dict[str, int]:
    """How many stand where, of those that fit but for where they stand."""
    sql, params = _fits(chosen)
    recent = chosen.since or tx.now - RECENT
    given = {"tenant": tenant, "recent": recent, **params}
    found = tx.rows(COUNT.format(chosen=sql), given)
    return {row["standing"]: row["n"] for row in found}


def listed(
    tx: Transaction, tenant: int, chosen: Chosen, *, before: uuid.UUID | None = None, limit: int
) -> list[DictRow]:
    """What fits: what is still to come by when it is due, what is over the newest first."""
    sql, params = _fits(chosen)
    waits = chosen.standing in ("queued", "sending", "retrying")
    order = "d.due_at, d.id" if waits else "d.id DESC"
    older = "" if before is None else " AND d.id < %(before)s"
    columns = search_deliveries.SELECT.partition(" FROM ")[0].removeprefix("SELECT ")
    return tx.rows(
        f"SELECT {columns} FROM delivery d WHERE d.tenant = %(tenant)s AND"
        f" {STANDINGS[chosen.standing]}{sql}{older} ORDER BY {order} LIMIT %(limit)s",
        {"tenant": tenant, "before": before, "limit": limit, **params},
    )


def judge(
    tx: Transaction, tenant: int, act: str, chosen: Chosen, as_of: datetime
) -> dict[str, int]:
    """What `act` ("retry" or "drop") would come to: can, newer, on_the_way, destinations."""
    sql, params = _judged(tx, tenant, act, chosen, as_of)
    row = tx.row(
        sql + "SELECT count(*) FILTER (WHERE fate = 'can') AS can,"
        " count(*) FILTER (WHERE fate = 'newer') AS newer,"
        " count(*) FILTER (WHERE fate = 'on_the_way') AS on_the_way,"
        " count(DISTINCT destination) FILTER (WHERE fate = 'can') AS destinations FROM judged",
        params,
    )
    assert row is not None
    return dict(row)


def act(
    tx: Transaction, tenant: int, act: str, chosen: Chosen, as_of: datetime, cause: str, most: int
) -> list[DictRow]:
    """Do it to so many at most; gives their id, channel and queue. Again until there are none."""
    sql, params = _judged(tx, tenant, act, chosen, as_of)
    found = tx.rows(
        sql + "SELECT id, group_id FROM judged WHERE fate = 'can' ORDER BY id LIMIT %(most)s",
        {**params, "most": most},
    )
    if not found:
        return []
    # Flushes hold their groups while they plan: a line is not judged while it gets something new.
    groups.lock(tx, sorted({(tenant, row["group_id"]) for row in found}))
    ids = [row["id"] for row in found]
    waiting = incidents.unanswered(tx, tx.rows(GIVING, [tenant, ids])) if act == "drop" else {}
    sql, params = _judged(tx, tenant, act, chosen.model_copy(update={"ids": ids}), as_of)
    done = tx.rows(sql + (RETRY if act == "retry" else DROP), {**params, "cause": cause})
    if act == "drop":
        _give_back(tx, done, waiting)
        deliveries.settle(tx, [deliveries.Ended(tenant, row["notification_id"]) for row in done])
    return done


def _give_back(tx: Transaction, done: list[DictRow], waiting: dict[IncidentKey, DictRow]) -> None:
    """Whoever was given an incident must hear of it, or does not have it."""
    for row in done:
        key = (row["tenant"], row["incident_id"])
        if key in waiting and deliveries.all_lost(tx, row):
            incidents.give_back(tx, waiting.pop(key))


def _judged(
    tx: Transaction, tenant: int, act: str, chosen: Chosen, as_of: datetime
) -> tuple[str, dict[str, Any]]:
    sql, params = _fits(chosen)
    standing = f"AND {STANDINGS[chosen.standing]}{sql}"
    text = JUDGED.format(chosen=standing, cases=CASES[act])
    return text, {"tenant": tenant, "as_of": as_of, "now": tx.now, **params}


def _fits(chosen: Chosen) -> tuple[str, dict[str, Any]]:
    """The conditions of a filter but for where they stand, each beginning with AND."""
    sql, params = "", {}
    for name, condition in (
        ("channel", "d.channel = %(channel)s"),
        ("destination", "position(lower(%(destination)s) IN lower(d.destination)) > 0"),
        ("error", "position(lower(%(error)s) IN lower(coalesce(d.cause, ''))) > 0"),
        ("since", "d.created_at >= %(since)s"),
        ("until", "d.created_at < %(until)s"),
        ("ids", "d.id = ANY(%(ids)s)"),
    ):
        value = getattr(chosen, name)
        if value is not None:
            sql += f" AND {condition}"
            params[name] = value
    return sql, params
