"""Escalations of incidents: what runs, what ran, and whose turn it is.

The incident's row is the mutex: lock it before anything here is written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import orjson

from tocsin.storage import events, inbox, timelines, timers
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

Row = dict[str, Any]

#: The kind of the timers; the subject is "<incident>/<name>".
TIMER = "escalation"
#: The alarm about an escalation that nobody answered. It raises no further one about itself.
EXHAUSTED = "TocsinEscalationExhausted"

OF = """
SELECT e.* FROM escalation e JOIN unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)
  ON e.tenant = k.tenant AND e.incident_id = k.id
ORDER BY e.tenant, e.incident_id, e.name
"""
WRITE = """
INSERT INTO escalation (tenant, incident_id, name, group_id, receiver, chain, reason, severity,
  policy_version, generation, run, round, step, state, told, due_at, began_at, ended_at, cause,
  alarmed, shown, events, events_since)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, incident_id uuid, name text,
  group_id uuid, receiver text, chain text, reason text, severity text, policy_version int,
  generation int, run int, round int, step int, state text, told int, due_at timestamptz,
  began_at timestamptz, ended_at timestamptz, cause text, alarmed int, shown int, events bigint[],
  events_since timestamptz)
ORDER BY tenant, incident_id, name
ON CONFLICT (tenant, incident_id, name) DO UPDATE SET receiver = excluded.receiver,
  chain = excluded.chain, reason = excluded.reason, severity = excluded.severity,
  policy_version = excluded.policy_version, generation = excluded.generation, run = excluded.run,
  round = excluded.round, step = excluded.step, state = excluded.state, told = excluded.told,
  due_at = excluded.due_at, began_at = excluded.began_at, ended_at = excluded.ended_at,
  cause = excluded.cause, alarmed = excluded.alarmed, shown = excluded.shown,
  events = excluded.events, events_since = excluded.events_since
"""
ARM = """
INSERT INTO timer (tenant, kind, subject, generation, step, due_at)
SELECT tenant, 'escalation', incident_id || '/' || name, generation, step, due_at
FROM json_to_recordset(%(items)s) AS r (tenant bigint, incident_id uuid, name text,
  generation int, step int, due_at timestamptz)
ORDER BY tenant, incident_id, name
ON CONFLICT (tenant, kind, subject) DO UPDATE SET generation = excluded.generation,
  step = excluded.step, due_at = excluded.due_at
"""
#: A step that is there already is an error: nothing of it may happen twice.
RAN = """
INSERT INTO escalation_step (tenant, incident_id, name, generation, run, round, step, due_at,
  done_at, outcome, urgency, notification_id, detail)
SELECT tenant, incident_id, name, generation, run, round, step, due_at, %(now)s, outcome, urgency,
  notification_id, detail
FROM json_to_recordset(%(items)s) AS r (tenant bigint, incident_id uuid, name text, generation int,
  run int, round int, step int, due_at timestamptz, outcome text, urgency text,
  notification_id uuid, detail text)
ORDER BY tenant, incident_id, name, run, round, step
"""
TURNS = """
SELECT t.* FROM escalation_turn t JOIN unnest(%s::bigint[], %s::text[]) AS k (tenant, name)
  ON t.tenant = k.tenant AND t.name = k.name
"""
TURN = """
INSERT INTO escalation_turn (tenant, name, step, turn)
SELECT * FROM json_to_recordset(%(items)s) AS r (tenant bigint, name text, step int, turn int)
ORDER BY tenant, name, step
ON CONFLICT (tenant, name, step) DO UPDATE SET turn = excluded.turn
"""
STOP = """
UPDATE escalation SET state = 'stopped', due_at = NULL, ended_at = %s, cause = %s
WHERE tenant = %s AND incident_id = %s AND state = 'running' AND (%s::text IS NULL OR name = %s)
RETURNING *
"""
RESTART = """
UPDATE escalation SET state = 'running', due_at = %(now)s, began_at = %(now)s, ended_at = NULL,
  cause = NULL, generation = %(generation)s, run = run + 1, round = 1, step = 0, told = 0,
  reason = %(reason)s, severity = %(severity)s
WHERE tenant = %(tenant)s AND incident_id = %(incident)s RETURNING *
"""
CLEAR = """
UPDATE escalation SET alarmed = NULL
WHERE tenant = %s AND incident_id = %s AND alarmed IS NOT NULL RETURNING *
"""
#: An escalation that the incident it was merged into does not go through goes on there: at its
#: step, or, where it has stopped, to begin again when somebody has had time to act.
ADOPT = """
UPDATE escalation e SET incident_id = %(into)s, generation = %(generation)s, state = 'running',
  due_at = coalesce(e.due_at, %(now)s::timestamptz + %(patience)s), ended_at = NULL, cause = NULL,
  run = e.run + (e.state <> 'running')::int, alarmed = NULL,
  round = CASE e.state WHEN 'running' THEN e.round ELSE 1 END,
  step = CASE e.state WHEN 'running' THEN e.step ELSE 0 END,
  told = CASE e.state WHEN 'running' THEN e.told ELSE 0 END,
  events = CASE e.state WHEN 'running' THEN e.events ELSE '{}' END
WHERE e.tenant = %(tenant)s AND e.incident_id = %(incident)s
  AND NOT EXISTS (SELECT 1 FROM escalation o WHERE o.tenant = e.tenant
                  AND o.incident_id = %(into)s AND o.name = e.name)
RETURNING *
"""
#: Where the other incident has been through the same one, nobody is left to be told there: what
#: still runs goes on in its place.
REVIVE = """
UPDATE escalation o SET state = 'running', due_at = e.due_at, began_at = %(now)s, ended_at = NULL,
  cause = NULL, generation = %(generation)s, run = o.run + 1, round = e.round, step = e.step,
  told = e.told, receiver = e.receiver, chain = e.chain, reason = e.reason,
  policy_version = e.policy_version, severity = %(severity)s, events = e.events,
  events_since = e.events_since
FROM escalation e
WHERE e.tenant = %(tenant)s AND e.incident_id = %(incident)s AND e.state = 'running'
  AND o.tenant = e.tenant AND o.incident_id = %(into)s AND o.name = e.name AND o.state <> 'running'
RETURNING o.*
"""
#: What these are to tell of is told elsewhere now.
RELIEVE = """
UPDATE escalation SET events = '{}'
WHERE tenant = %(tenant)s AND incident_id = %(incident)s AND name = ANY(%(names)s)
"""
#: A part of an incident that goes its own way takes the escalation of its receiver along: at its
#: step, or, where it has stopped, to begin again when somebody has had time to act. What it was to
#: tell of stays with the one that it came from.
SHARE = """
INSERT INTO escalation (tenant, incident_id, name, group_id, receiver, chain, reason, severity,
  policy_version, generation, run, round, step, state, told, due_at, began_at, alarmed, shown,
  events, events_since)
SELECT DISTINCT ON (e.name) e.tenant, %(into)s, e.name, p.group_id, e.receiver, e.chain, e.reason,
  e.severity, e.policy_version, %(generation)s, 1,
  CASE e.state WHEN 'running' THEN e.round ELSE 1 END,
  CASE e.state WHEN 'running' THEN e.step ELSE 0 END, 'running',
  CASE e.state WHEN 'running' THEN e.told ELSE 0 END,
  CASE e.state WHEN 'running' THEN e.due_at ELSE %(now)s::timestamptz + %(patience)s END,
  %(now)s, NULL, NULL, '{}'::bigint[], %(now)s
FROM escalation e JOIN json_to_recordset(%(items)s) AS p (group_id uuid, receiver text)
  ON p.receiver = e.receiver
WHERE e.tenant = %(tenant)s AND e.incident_id = %(incident)s ORDER BY e.name, p.group_id
RETURNING *
"""
#: Two incidents must not share a line of deliveries.
REHOME = """
UPDATE escalation e SET group_id = %(stays)s
WHERE e.tenant = %(tenant)s AND e.incident_id = %(incident)s AND e.group_id = ANY(%(out)s)
"""
#: Whom pages of escalations reached, or may have reached, of an incident and what it absorbed, and
#: who was handed it (a person without facts), if they have not heard of the end since.
PAGED = """
WITH RECURSIVE k AS (
  SELECT tenant, id, id AS part FROM unnest(%s::bigint[], %s::uuid[]) AS u (tenant, id)
  UNION SELECT k.tenant, k.id, i.id FROM k
  JOIN incident i ON i.tenant = k.tenant AND i.merged_into = k.part)
SELECT * FROM (
SELECT DISTINCT ON (k.id, d.group_id, d.integration) d.tenant, k.id AS incident_id, d.group_id,
  d.integration, d.channel, d.destination, d.person, d.facts, d.generation, n.reason,
  d.incident_id = k.id AS own
FROM k JOIN delivery d ON d.tenant = k.tenant AND d.incident_id = k.part
  AND (d.facts IS NOT NULL OR d.person IS NOT NULL)
JOIN notification n ON n.tenant = d.tenant AND n.id = d.notification_id
WHERE d.state IN ('sent', 'sending') OR d.in_doubt OR d.state = 'pending' AND n.reason = 'resolved'
ORDER BY k.id, d.group_id, d.integration, d.created_at DESC, d.id DESC) last
WHERE reason <> 'resolved'
"""
#: What the provider's reference hangs on; a group's own log of this line stays as it is.
THREADS = """
INSERT INTO told (tenant, group_id, integration, incident_id, firing, resolved, reason, at)
SELECT DISTINCT ON (tenant, group_id, integration) tenant, group_id, integration, incident_id,
  '{}'::text[], '{}'::text[], 'escalation', %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, group_id uuid, integration text,
  incident_id uuid)
ORDER BY tenant, group_id, integration
ON CONFLICT (tenant, group_id, integration) DO UPDATE SET incident_id = excluded.incident_id,
  at = excluded.at, ref = CASE WHEN told.incident_id = excluded.incident_id THEN told.ref END
WHERE told.reason = 'escalation' OR told.incident_id <> excluded.incident_id
"""


def of(tx: Transaction, keys: Iterable[IncidentKey]) -> list[Row]:
    """All escalations that incidents go, or went, through."""
    ordered = sorted(set(keys))
    if not ordered:
        return []
    return tx.rows(OF, [[tenant for tenant, _ in ordered], [id for _, id in ordered]])


def write(tx: Transaction, rows: Sequence[Row]) -> None:
    """Store escalations whole, and set the timers of those that run."""
    tx.many(WRITE, rows)
    tx.many(ARM, [row for row in rows if row["state"] == "running"])
    disarm(tx, [row for row in rows if row["state"] != "running"])


def ran(tx: Transaction, items: Sequence[Row]) -> None:
    """Write down what steps did. A step that was written before is refused with an error."""
    tx.many(RAN, items, {"now": tx.now})
    tallies = Tallies()
    for item in items:
        tallies.late(item["tenant"], tx.now - item["due_at"])
    tallies.write(tx)


def steps(tx: Transaction, tenant: int, incident: uuid.UUID) -> list[Row]:
    """The steps that ran, in this order."""
    return tx.rows(
        "SELECT * FROM escalation_step WHERE tenant = %s AND incident_id = %s"
        " ORDER BY done_at, name, generation, run, round, step LIMIT 1000",
        [tenant, incident],
    )


def turns(
    tx: Transaction, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], dict[int, int]]:
    """How often the steps of escalations (tenant, name) went round."""
    ordered = sorted(set(keys))
    found: dict[tuple[int, str], dict[int, int]] = {key: {} for key in ordered}
    if ordered:
        for row in tx.rows(TURNS, [[tenant for tenant, _ in ordered], [n for _, n in ordered]]):
            found[row["tenant"], row["name"]][row["step"]] = row["turn"]
    return found


def turn(tx: Transaction, items: Sequence[Row]) -> None:
    """Note whose turn comes next: {tenant, name, step, turn}."""
    tx.many(TURN, items)


def stop(tx: Transaction, incident: Row, cause: str = "") -> None:
    """Let no further step begin: somebody acted, or it is over. Harmless where nothing runs."""
    tenant, id = incident["tenant"], incident["id"]
    gone = tx.rows(STOP, [tx.now, cause or None, tenant, id, None, None])
    disarm(tx, gone)
    settle(tx, gone, "superseded", cause or str(id))
    _hush(tx, tenant, id)


def end(tx: Transaction, row: Row, cause: str) -> None:
    """Let no further step of this one begin; others of its incident may have something to tell."""
    tenant, id, name = row["tenant"], row["incident_id"], row["name"]
    gone = tx.rows(STOP, [tx.now, cause, tenant, id, name, name])
    disarm(tx, [row])
    settle(tx, gone, "superseded", cause)


def _hush(tx: Transaction, tenant: int, incident: uuid.UUID) -> None:
    """End the alarms about escalations of this incident that nobody answered."""
    over = tx.rows(CLEAR, [tenant, incident])
    inbox.raise_own(tx, [(tenant, {**_alarm(row), "status": "resolved"}) for row in over])


def alarm(tx: Transaction, row: Row, title: str) -> None:
    """Raise an alert about an escalation that nobody answered; it ends when somebody acts."""
    said = {"summary": f"Nobody acted, and the escalation is at its end: {title}"[:500],
            "description": f"incident {row['incident_id']}, escalation {row['name']}"}  # fmt: skip
    inbox.raise_own(
        tx, [(row["tenant"], {**_alarm(row), "annotations": said, "starts_at": tx.now})]
    )


def _alarm(row: Row) -> dict[str, Any]:
    labels = {"alertname": EXHAUSTED, "severity": "critical", "job": "tocsin",
              "escalation": row["name"], "incident": str(row["incident_id"])}  # fmt: skip
    return {"labels": labels, "annotations": {}}


def restart(tx: Transaction, incident: Row, by: str, reason: str = "repeat") -> bool:
    """Begin again from the top, as it was frozen, under the incident's generation now.

    False where the incident has no escalation. Ring `escalate` after the commit.
    """
    again = tx.rows(RESTART, {
        "now": tx.now, "generation": incident["generation"], "reason": reason,
        "severity": incident["severity"], "tenant": incident["tenant"],
        "incident": incident["id"],
    })  # fmt: skip
    tx.many(ARM, again)
    timelines.tell(tx, [entry(row, "escalation_restarted", {}, by) for row in again])
    return bool(again)


def adopt(tx: Transaction, into: Row, merged: Row, patience: timedelta) -> None:
    """Let the escalations of a merged incident go on in the other, unless the same one runs there.

    Nothing where somebody has that one. `patience`: what somebody has to act where nothing runs.
    """
    if into["state"] != "open":
        return
    key = {"tenant": merged["tenant"], "incident": merged["id"]}
    disarm(tx, of(tx, [(merged["tenant"], merged["id"])]))
    # Its alarms name it; those about what goes on elsewhere are raised there, if need be.
    _hush(tx, merged["tenant"], merged["id"])
    where = {**key, "into": into["id"], "generation": into["generation"], "now": tx.now}
    going = tx.rows(REVIVE, {**where, "severity": into["severity"]})
    tx.run(RELIEVE, {**key, "names": [row["name"] for row in going]})
    going += tx.rows(ADOPT, {**where, "patience": patience})
    tx.many(ARM, going)


def share(
    tx: Transaction, source: Row, made: Row, parts: Sequence[Row], patience: timedelta
) -> None:
    """Give the incident that was split off `source` the escalations of its parts.

    `parts` are {group_id, receiver}; `patience` is what somebody has to act where nothing runs.
    """
    key = {"tenant": source["tenant"], "incident": source["id"]}
    out = [part["group_id"] for part in parts]
    tx.run(REHOME, {**key, "stays": source["group_id"], "out": out})
    tx.many(ARM, tx.many(SHARE, parts, {
        **key, "into": made["id"], "generation": made["generation"], "now": tx.now,
        "patience": patience,
    }))  # fmt: skip


def settle(tx: Transaction, rows: Sequence[Row], outcome: str, cause: str) -> None:
    """Explain what these escalations were to tell of, where nothing stronger does."""
    items = [
        {"tenant": row["tenant"], "id": event, "outcome": outcome, "cause": cause}
        for row in rows
        for event in row["events"]
    ]
    if items:
        events.settle(tx, items, min(row["events_since"] for row in rows))


def paged(tx: Transaction, keys: Sequence[IncidentKey]) -> list[Row]:
    """The lines in which pages of these incidents reached somebody.

    Beside what the next message of the line needs: `reason` and `generation` of the last one, and
    whether it was about this incident itself (`own`), not about one that was merged into it.
    """
    return tx.rows(PAGED, [[tenant for tenant, _ in keys], [id for _, id in keys]]) if keys else []


def threads(tx: Transaction, items: Sequence[Row]) -> None:
    """Make room for references of {tenant, group_id, integration, incident_id}."""
    tx.many(THREADS, items, {"now": tx.now})


def entry(row: Row, kind: str, detail: dict[str, Any], by: str = "tocsin") -> Row:
    """A line of the story of the incident of an escalation."""
    told = {"escalation": row["name"], **detail}
    return {"tenant": row["tenant"], "incident_id": row["incident_id"], "kind": kind, "actor": by,
            "detail": orjson.dumps(told).decode()}  # fmt: skip


def subject(row: Row) -> str:
    """The subject of its timer."""
    return f"{row['incident_id']}/{row['name']}"


def parted(text: str) -> tuple[uuid.UUID, str]:
    """Incident and name of the subject of a timer."""
    incident, _, name = text.partition("/")
    return uuid.UUID(incident), name


def disarm(tx: Transaction, rows: Iterable[Row]) -> None:
    """Remove the timers of these escalations."""
    timers.drop(
        tx, TIMER, [{"tenant": row["tenant"], "subject": subject(row)} for row in rows]
    )  # fmt: skip
