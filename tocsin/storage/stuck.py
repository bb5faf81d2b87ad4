"""What should not be: rows that something ought to move and nothing will. Finding and mending it.

Mending makes the row that is missing; it sends nothing and decides nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg.rows import DictRow

from tocsin.storage import escalations, events, groups, inbox, incidents, reports
from tocsin.storage.record import Transaction

#: A walk over unexplained events begins here.
START = (0, datetime(1970, 1, 1, tzinfo=UTC), 0)
Place = tuple[int, datetime, int]


class Stuck(NamedTuple):
    """One thing that is stuck. `tenant` None: of nobody."""

    what: str
    tenant: int | None
    subject: str
    incident: uuid.UUID | None = None
    #: Of an event, when it was received.
    at: datetime | None = None


ESCALATION = """
INSERT INTO timer (tenant, kind, subject, generation, step, due_at)
SELECT e.tenant, 'escalation', e.incident_id || '/' || e.name, e.generation, e.step,
  coalesce(e.due_at, %(now)s)
FROM escalation e JOIN incident i ON i.tenant = e.tenant AND i.id = e.incident_id
WHERE e.tenant = %(tenant)s AND e.incident_id = %(incident)s AND e.name = %(name)s
  AND e.state = 'running' AND i.state = 'open'
ON CONFLICT DO NOTHING
"""
SNOOZE = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, 'snooze', id::text, %(now)s FROM incident
WHERE tenant = %(tenant)s AND id = %(incident)s AND state = 'acknowledged'
  AND reopens_at <= %(now)s
ON CONFLICT DO NOTHING
"""
LEVEL = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, 'level', incident_id::text, %(now)s FROM service_level
WHERE tenant = %(tenant)s AND incident_id = %(incident)s AND stopped_at IS NULL
  AND breached_at IS NULL AND due_at <= %(now)s LIMIT 1
ON CONFLICT DO NOTHING
"""
SERIES = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, 'report', %(subject)s, %(now)s FROM report_schedule
WHERE tenant = %(tenant)s AND name = %(name)s AND next_run_at <= %(now)s
ON CONFLICT DO NOTHING
"""
LETTER = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, 'report', %(subject)s, %(now)s FROM report_letter
WHERE tenant = %(tenant)s AND id = %(name)s::uuid AND state = 'pending'
ON CONFLICT DO NOTHING
"""
FLUSH = """
INSERT INTO timer (tenant, kind, subject, due_at)
SELECT tenant, 'flush', group_id::text, %(now)s FROM group_member
WHERE tenant = %(tenant)s AND group_id = %(subject)s::uuid AND event_id IS NOT NULL
  AND muted_by IS NULL LIMIT 1
ON CONFLICT DO NOTHING
"""
SENDING = """
UPDATE delivery SET due_at = %(now)s WHERE tenant = %(tenant)s AND id = %(subject)s::uuid
  AND state = 'sending' AND due_at > %(now)s AND coalesce(lease_until, created_at) < %(now)s
"""
PENDING = """
UPDATE delivery SET due_at = %(now)s WHERE tenant = %(tenant)s AND id = %(subject)s::uuid
  AND state = 'pending' AND attempts = 0 AND due_at > %(now)s
  AND coalesce(wanted_at, created_at) < %(now)s
"""
#: What was changed again since is told by the newer change.
NEWER = """
SELECT n.id FROM alert_event e JOIN alert_event n
  ON n.tenant = e.tenant AND n.fingerprint = e.fingerprint AND n.id > e.id
WHERE e.tenant = %(tenant)s AND e.id = %(id)s AND e.received_at = %(at)s
ORDER BY n.id LIMIT 1
"""
OPEN = """
SELECT id FROM alert_event WHERE tenant = %(tenant)s AND id = %(id)s AND received_at = %(at)s
  AND outcome IS NULL
"""


def find(tx: Transaction, limit: int) -> list[Stuck]:
    """What is stuck now, of all tenants, so many of each kind at most."""
    found = tx.rows("SELECT what, tenant, subject, incident FROM find_stuck(%s)", [limit])
    return [Stuck(row["what"], row["tenant"], row["subject"], row["incident"]) for row in found]


def walk(tx: Transaction, place: Place, limit: int) -> tuple[list[Stuck], Place | None]:
    """Unexplained events that nobody will explain, among so many from a place on.

    With them where to go on; None: that was the last.
    """
    rows = tx.rows("SELECT * FROM walk_unexplained(%s, %s, %s, %s)", [*place, limit])
    found = [_of_event(row) for row in rows if row["what"]]
    if len(rows) < limit:
        return found, None
    return found, (rows[-1]["tenant"], rows[-1]["received_at"], rows[-1]["id"])


def _of_event(row: DictRow) -> Stuck:
    if row["what"] == "flush":
        return Stuck("flush", row["tenant"], str(row["group_id"]))
    return Stuck("event", row["tenant"], str(row["id"]), at=row["received_at"])


def mend(tx: Transaction, stuck: Stuck) -> bool:
    """Make what is missing, under the lock of its subject; False where nothing is any more."""
    key: dict[str, Any] = {"tenant": stuck.tenant, "subject": stuck.subject, "now": tx.now,
                           "incident": stuck.incident}  # fmt: skip
    if stuck.what == "note":
        return bool((tx.row("SELECT recover_drains('1 minute') AS n") or {}).get("n"))
    assert stuck.tenant is not None
    if stuck.what == "flush":
        groups.lock(tx, [(stuck.tenant, uuid.UUID(stuck.subject))])
        return bool(tx.run(FLUSH, key))
    if stuck.what == "event":
        return _send_round(tx, stuck.tenant, int(stuck.subject), stuck.at)
    if stuck.what == "report":
        sql = SERIES if stuck.subject.startswith(reports.SERIES) else LETTER
        return bool(tx.run(sql, {**key, "name": stuck.subject.partition(" ")[2]}))
    if stuck.what in ("sending", "pending"):
        return bool(tx.run({"sending": SENDING, "pending": PENDING}[stuck.what], key))
    assert stuck.incident is not None
    incidents.lock(tx, [(stuck.tenant, stuck.incident)])
    if stuck.what == "escalation":
        key["name"] = escalations.parted(stuck.subject)[1]
    return bool(
        tx.run({"escalation": ESCALATION, "snooze": SNOOZE, "level": LEVEL}[stuck.what], key)
    )


def _send_round(tx: Transaction, tenant: int, id: int, at: datetime | None) -> bool:
    """Let a change go the way of alerts once more: it ends in an explanation, told or not."""
    key = {"tenant": tenant, "id": id, "at": at}
    if at is None or not tx.rows(OPEN, key):
        return False
    if newer := tx.row(NEWER, key):
        over = {"tenant": tenant, "id": id, "outcome": "superseded", "cause": str(newer["id"])}
        events.settle(tx, [over], at)
    else:
        inbox.hand_on(tx, "enrich", [(tenant, [id], at)])
    return True


def slugs(tx: Transaction, tenants: Sequence[int]) -> dict[int, str]:
    """The names of tenants, by id."""
    found = tx.rows("SELECT id, slug FROM tenant_list() WHERE id = ANY(%s)", [list(tenants)])
    return {row["id"]: row["slug"] for row in found}
