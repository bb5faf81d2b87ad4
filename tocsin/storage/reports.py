"""Reports that were made, the series of which they are, and the letters that bring them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin.storage import inbox, timers
from tocsin.storage.record import Transaction

TIMER = "report"
#: What the subject of a timer is about; "policy" is the third.
SERIES, LETTER = "series ", "letter "

Row = dict[str, Any]

SHOWN = "id, kind, schedule, starts_at, ends_at, zone, locale, policy_version, created_at"
INSERT = """
INSERT INTO report (tenant, id, kind, schedule, starts_at, ends_at, zone, locale, policy_version,
  content, html, csv, created_at)
VALUES (%(tenant)s, %(id)s, %(kind)s, %(schedule)s, %(starts_at)s, %(ends_at)s, %(zone)s,
  %(locale)s, %(policy_version)s, %(content)s, %(html)s, %(csv)s, %(now)s)
ON CONFLICT DO NOTHING
"""
#: A series whose times did not change keeps when it is due: an overdue one is still made.
LAY = """
INSERT INTO report_schedule (tenant, name, plan, next_run_at, attempts)
SELECT tenant, name, plan, next_run_at, 0 FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, name text, plan text, next_run_at timestamptz) ORDER BY tenant, name
ON CONFLICT (tenant, name) DO UPDATE SET plan = excluded.plan, error = NULL, attempts = 0,
  next_run_at = excluded.next_run_at
WHERE report_schedule.plan <> excluded.plan
"""
LETTERS = """
INSERT INTO report_letter (tenant, id, report_id, address, channel, state, attempts, in_doubt,
  created_at)
SELECT tenant, id, report_id, address, channel, 'pending', 0, false, %(now)s
FROM json_to_recordset(%(items)s)
  AS r (tenant bigint, id uuid, report_id uuid, address text, channel text)
"""


def lay(tx: Transaction, tenant: int, plans: Sequence[Row]) -> None:
    """Make the series those of the policy: {tenant, name, plan, next_run_at}; others are gone."""
    names = [each["name"] for each in plans]
    gone = tx.rows(
        "DELETE FROM report_schedule WHERE tenant = %s AND name <> ALL(%s) RETURNING tenant, name",
        [tenant, names],
    )
    tx.many(LAY, plans)
    timers.drop(tx, TIMER, [_timer(row, row["name"]) for row in gone])
    kept = tx.rows(
        "SELECT tenant, name, next_run_at FROM report_schedule WHERE tenant = %s", [tenant]
    )
    wake(tx, kept)


def wake(tx: Transaction, series: Sequence[Row]) -> None:
    """Set the timers of series {tenant, name, next_run_at}."""
    due = [{**_timer(row, row["name"]), "due_at": row["next_run_at"]} for row in series]
    timers.exactly(tx, TIMER, due)


def hold(tx: Transaction, tenant: int, name: str) -> Row | None:
    """A series that is due, locked; None: it is not, or somebody else is at it."""
    return tx.row(
        "SELECT * FROM report_schedule WHERE tenant = %s AND name = %s AND next_run_at <= %s"
        " FOR UPDATE SKIP LOCKED",
        [tenant, name, tx.now],
    )


def forget(tx: Transaction, tenant: int, name: str) -> None:
    """Drop the timer of a series that is none any more."""
    if tx.row("SELECT 1 FROM report_schedule WHERE tenant = %s AND name = %s", [tenant, name]):
        return
    timers.drop(tx, TIMER, [_timer({"tenant": tenant}, name)])


def done(tx: Transaction, row: Row, next_run_at: datetime) -> None:
    """A series has what it was due; when the next is."""
    tx.run(
        "UPDATE report_schedule SET next_run_at = %s, attempts = 0, error = NULL"
        " WHERE tenant = %s AND name = %s",
        [next_run_at, row["tenant"], row["name"]],
    )
    wake(tx, [{**row, "next_run_at": next_run_at}])


def failed(
    tx: Transaction, tenant: int, name: str, error: str, pauses: Sequence[timedelta]
) -> int:  # fmt: skip
    """It could not be made: put it off without forgetting since when it is due; how often now."""
    row = tx.row(
        "UPDATE report_schedule SET attempts = attempts + 1, error = %s"
        " WHERE tenant = %s AND name = %s RETURNING attempts",
        [error.replace("\0", "")[:500], tenant, name],
    )
    attempts = int(row["attempts"]) if row else 1
    due_at = tx.now + pauses[min(attempts, len(pauses)) - 1]
    timers.exactly(tx, TIMER, [{**_timer({"tenant": tenant}, name), "due_at": due_at}])
    return attempts


def insert(tx: Transaction, row: Row) -> bool:
    """Keep a report; False where the series has one of this time already."""
    return bool(tx.run(INSERT, {**row, "now": tx.now}))


def get(tx: Transaction, tenant: int, report: uuid.UUID) -> Row | None:
    """A report whole."""
    return tx.row("SELECT * FROM report WHERE tenant = %s AND id = %s", [tenant, report])


def listed(
    tx: Transaction, tenant: int, *, kind: str | None, after: uuid.UUID | None, limit: int
) -> list[Row]:
    """Reports without what is in them, newest first."""
    sql, params = f"SELECT {SHOWN} FROM report WHERE tenant = %s", [tenant]
    values: list[Any] = [*params]
    if kind is not None:
        sql += " AND kind = %s"
        values.append(kind)
    if after is not None:
        sql += " AND id < %s"
        values.append(after)
    return tx.rows(sql + " ORDER BY id DESC LIMIT %s", [*values, limit])


def post(tx: Transaction, letters: Sequence[Row]) -> None:
    """Put letters {tenant, id, report_id, address, channel} on their way."""
    tx.many(LETTERS, letters, {"now": tx.now})
    timers.exactly(tx, TIMER, [
        {"tenant": row["tenant"], "subject": f"{LETTER}{row['id']}", "due_at": tx.now}
        for row in letters
    ])  # fmt: skip


def letters(tx: Transaction, tenant: int, report: uuid.UUID) -> list[Row]:
    """The letters that bring a report."""
    return tx.rows(
        "SELECT * FROM report_letter WHERE tenant = %s AND report_id = %s ORDER BY address",
        [tenant, report],
    )


def take(tx: Transaction, tenant: int, letter: uuid.UUID, lease: timedelta) -> Row | None:
    """Lease a letter that is to be sent; None: it is not, or somebody else is at it.

    `in_doubt` is True where an attempt was begun that nobody heard the end of.
    """
    subject = {"tenant": tenant, "subject": f"{LETTER}{letter}"}
    row = tx.row(
        "SELECT * FROM report_letter WHERE tenant = %s AND id = %s FOR UPDATE SKIP LOCKED",
        [tenant, letter],
    )
    if row is None or (tenant, subject["subject"]) not in timers.still_due(
        tx, TIMER, [str(subject["subject"])]
    ):
        return None
    if row["state"] != "pending":
        timers.drop(tx, TIMER, [subject])
        return None
    # Until its end is known it may have arrived.
    taken = tx.row(
        "UPDATE report_letter SET attempts = attempts + 1, in_doubt = true"
        " WHERE tenant = %s AND id = %s RETURNING *",
        [tenant, letter],
    )
    timers.exactly(tx, TIMER, [{**subject, "due_at": tx.now + lease}])
    return {**taken, "in_doubt": row["in_doubt"]} if taken else None


def end(tx: Transaction, row: Row, state: str, cause: str | None) -> bool:
    """A letter is sent, or given up; False where somebody else has taken it up since.

    Its number of attempts is its fence.
    """
    touched = tx.run(
        "UPDATE report_letter SET state = %s, cause = %s, finished_at = %s, in_doubt = false"
        " WHERE tenant = %s AND id = %s AND attempts = %s AND state = 'pending'",
        [state, cause, tx.now, row["tenant"], row["id"], row["attempts"]],
    )
    if touched:
        subject = {"tenant": row["tenant"], "subject": f"{LETTER}{row['id']}"}
        timers.drop(tx, TIMER, [subject])
    return bool(touched)


def warn(tx: Transaction, tenant: int, alertname: str, summary: str, description: str) -> None:
    """Raise an alert about reports, which takes the ordinary way but wakes nobody by itself."""
    labels = {"alertname": alertname, "severity": "warning", "job": "tocsin"}
    annotations = {"summary": summary, "description": description[:500]}
    inbox.raise_own(tx, [(tenant, {"labels": labels, "annotations": annotations})])


def later(tx: Transaction, row: Row, cause: str, pause: timedelta, *, in_doubt: bool) -> None:
    """Not this time."""
    touched = tx.run(
        "UPDATE report_letter SET cause = %s, in_doubt = %s"
        " WHERE tenant = %s AND id = %s AND attempts = %s AND state = 'pending'",
        [cause, in_doubt, row["tenant"], row["id"], row["attempts"]],
    )
    if touched:
        subject = {"tenant": row["tenant"], "subject": f"{LETTER}{row['id']}"}
        timers.exactly(tx, TIMER, [{**subject, "due_at": tx.now + pause}])


def _timer(row: Row, name: str) -> Row:
    return {"tenant": row["tenant"], "subject": f"{SERIES}{name}"}
