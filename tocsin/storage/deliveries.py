"""Notifications and their deliveries: planned, sent, called off, dead, taken up again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tocsin import errors
from tocsin.storage import events
from tocsin.storage.groups import GroupKey
from tocsin.storage.record import Transaction

#: Reasons that page somebody; an acknowledgement calls them off.
PAGING = ("first", "new_alerts", "repeat", "reopened", "escalated", "handed_over")


class Ended(NamedTuple):
    """A notification one of whose deliveries has ended; `successor` is what took its place."""

    tenant: int
    notification: uuid.UUID
    successor: str | None = None


NOTIFY = """
INSERT INTO notification (tenant, id, group_id, incident_id, reason, message, events, events_since,
                          policy_version, created_at)
SELECT tenant, id, group_id, incident_id, reason, decode(message, 'base64'), events, events_since,
  policy_version, %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, group_id uuid, incident_id uuid,
  reason text, message text, events bigint[], events_since timestamptz, policy_version int)
"""
#: An unsent one is replaced by its successor; one that is on its way is waited for.
REPLACE = """
UPDATE delivery d SET state = 'superseded', cause = r.id::text, finished_at = %(now)s
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, notification_id uuid,
  group_id uuid, integration text)
WHERE d.tenant = r.tenant AND d.group_id = r.group_id AND d.integration = r.integration
  AND d.state = 'pending'
RETURNING d.tenant, d.notification_id, d.due_at, r.id, r.notification_id AS successor
"""
PLAN = """
INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation, integration,
                      channel, destination, queue, state, cause, due_at, created_at, person, facts,
                      wanted_at, step_until, instead_of, instead)
SELECT tenant, id, notification_id, group_id, incident_id, generation, integration, channel,
  destination, queue, 'pending', cause, coalesce(due_at, %(now)s), %(now)s, person, facts,
  coalesce(due_at, %(now)s), step_until, instead_of, instead
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, notification_id uuid,
  group_id uuid, incident_id uuid, generation int, integration text, channel text,
  destination text, queue text, cause text, due_at timestamptz, person text, facts text,
  step_until timestamptz, instead_of uuid, instead text)
"""
FOLD = """
INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation, integration,
                      channel, destination, queue, state, cause, due_at, created_at, finished_at,
                      person, facts)
SELECT tenant, id, notification_id, group_id, incident_id, generation, integration, channel,
  destination, queue, 'superseded', cause, %(now)s, %(now)s, %(now)s, person, facts
FROM json_to_recordset(%(items)s) AS r (tenant bigint, id uuid, notification_id uuid,
  group_id uuid, incident_id uuid, generation int, integration text, channel text,
  destination text, queue text, cause text, person text, facts text)
"""
TELL = """
INSERT INTO told (tenant, group_id, integration, incident_id, firing, resolved, reason, at, ref,
  severity, carried, held)
SELECT tenant, group_id, integration, incident_id, firing, resolved, reason, %(now)s, ref, severity,
  carried, held
FROM json_to_recordset(%(items)s) AS r (tenant bigint, group_id uuid, integration text,
  incident_id uuid, firing text[], resolved text[], reason text, ref text, severity text,
  carried boolean, held text[])
ORDER BY tenant, group_id, integration
ON CONFLICT (tenant, group_id, integration) DO UPDATE SET incident_id = excluded.incident_id,
  firing = excluded.firing, resolved = excluded.resolved, reason = excluded.reason,
  at = excluded.at, ref = excluded.ref, severity = excluded.severity, carried = excluded.carried,
  held = excluded.held
"""
#: All that the usual end of a delivery comes to, in one statement.
SENT = """
WITH tried AS (
  INSERT INTO delivery_attempt (tenant, delivery_id, attempt, started_at, finished_at, outcome,
                                error)
  VALUES (%(tenant)s, %(id)s, %(fence)s, %(started)s, %(now)s, 'sent', %(note)s)),
done AS (
  UPDATE delivery SET state = 'sent', cause = %(note)s, attempts = %(attempts)s, claims = 0,
    provider_id = coalesce(%(provider)s, provider_id), held = false, lease_until = NULL,
    finished_at = %(now)s
  WHERE tenant = %(tenant)s AND id = %(id)s AND fence = %(fence)s AND state = 'sending'
  RETURNING tenant, channel, destination, receipt),
counted AS (
  INSERT INTO tally (tenant, name, labels, value)
  SELECT tenant, 'notifications_total', channel, 1 FROM done)
SELECT d.receipt, EXISTS (SELECT FROM circuit c WHERE c.tenant = d.tenant
  AND c.channel = d.channel AND c.destination = d.destination AND c.failures > 0) AS troubled
FROM done d
"""


def told(tx: Transaction, keys: Sequence[GroupKey]) -> list[dict[str, Any]]:
    """What the integrations of these groups were last told."""
    return tx.rows(
        "SELECT t.* FROM unnest(%s::bigint[], %s::uuid[]) AS k (tenant, id)"
        " CROSS JOIN LATERAL (SELECT * FROM told"
        "  WHERE tenant = k.tenant AND group_id = k.id OFFSET 0) t",
        [[tenant for tenant, _ in keys], [group for _, group in keys]],
    )


def plan(
    tx: Transaction, notifications: Sequence[dict[str, Any]], items: Sequence[dict[str, Any]],
    log: Sequence[dict[str, Any]],
) -> None:  # fmt: skip
    """Write notifications, their deliveries in place of what was not sent, and the log.

    A delivery with a `due_at` waits until then, but no longer than what it takes the place of:
    else pages that come again and again would put off a later way for ever.
    """
    tx.many(NOTIFY, notifications, {"now": tx.now})
    replaced = tx.many(REPLACE, items, {"now": tx.now})
    before = {str(row["id"]): row["due_at"] for row in replaced}
    tx.many(PLAN, [_no_later(row, before.get(str(row["id"]))) for row in items], {"now": tx.now})
    tx.many(TELL, log, {"now": tx.now})
    settle(tx, [Ended(r["tenant"], r["notification_id"], str(r["successor"])) for r in replaced])


def _no_later(row: dict[str, Any], before: datetime | None) -> dict[str, Any]:
    due = row.get("due_at")
    return {**row, "due_at": min(due, before)} if due and before else row


def fold(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Write down deliveries that another of the same line, planned with them, stands for.

    As for `plan`, and beside it the cause and `successor`, the notification that tells instead.
    """
    tx.many(FOLD, items, {"now": tx.now})
    settle(tx, [Ended(r["tenant"], r["notification_id"], r["successor"]) for r in items])


def sent(
    tx: Transaction, delivery: dict[str, Any], started: datetime, note: str, provider_id: str
) -> tuple[bool, bool, str | None]:
    """Write down that an attempt arrived, and count it.

    Returns whether we still own it: else the lease was lost, and whoever has it now tells what
    became of it; whether its destination failed lately; and the receipt that came before this, if
    any. Explain its events next.
    """
    row = tx.row(SENT, {
        **{name: delivery[name] for name in ("tenant", "id", "fence", "attempts")},
        "started": started, "note": note or None, "provider": provider_id or None, "now": tx.now,
    })  # fmt: skip
    return (True, row["troubled"], row["receipt"]) if row else (False, False, None)


def claim(
    tx: Transaction, queue: str, channel: str, limit: int, lease: timedelta, busy: list[str],
    *, suspects: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """Lease deliveries that are due, of any tenant; `busy`: "tenant destination" to pass by.

    Without `suspects`, also what was claimed again and again without a result, for a while.
    """
    return tx.rows(
        "SELECT * FROM claim_deliveries(%s, %s, %s, %s, %s, %s)",
        [queue, channel, limit, lease, busy, suspects],
    )


def notification(tx: Transaction, tenant: int, row: uuid.UUID) -> dict[str, Any]:
    found = tx.row("SELECT * FROM notification WHERE tenant = %s AND id = %s", [tenant, row])
    assert found is not None
    return found


def own(tx: Transaction, delivery: dict[str, Any]) -> bool:
    """Lock a delivery that was claimed; False where the lease was lost."""
    return bool(tx.rows(
        "SELECT 1 FROM delivery WHERE tenant = %s AND id = %s AND fence = %s AND state = 'sending'"
        " FOR UPDATE",
        [delivery["tenant"], delivery["id"], delivery["fence"]],
    ))  # fmt: skip


def has_successor(tx: Transaction, delivery: dict[str, Any]) -> uuid.UUID | None:
    """The delivery that waits behind this one in its line."""
    row = tx.row(
        "SELECT id FROM delivery WHERE tenant = %s AND group_id = %s AND integration = %s"
        " AND state = 'pending'",
        [delivery["tenant"], delivery["group_id"], delivery["integration"]],
    )
    return row["id"] if row else None


def hasten(tx: Transaction, tenant: int, delivery: uuid.UUID, due_at: datetime) -> None:
    """Let one that waits tell at `due_at` for the one whose place it takes, if it is later."""
    tx.run(
        "UPDATE delivery SET due_at = least(due_at, %s) WHERE tenant = %s AND id = %s"
        " AND state = 'pending'",
        [due_at, tenant, delivery],
    )


def attempt(tx: Transaction, delivery: dict[str, Any], started: datetime, **outcome: Any) -> None:
    """Write down what one attempt came to: outcome, reason, error, status_code."""
    tx.run(
        "INSERT INTO delivery_attempt (tenant, delivery_id, attempt, started_at, finished_at,"
        " outcome, reason, error, status_code) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [delivery["tenant"], delivery["id"], delivery["fence"], started, tx.now,
         outcome["outcome"], outcome.get("reason"), outcome.get("error"),
         outcome.get("status_code")],
    )  # fmt: skip


def finish(
    tx: Transaction, delivery: dict[str, Any], state: str, *, cause: str | None = None,
    due_at: datetime | None = None, in_doubt: bool = False, held: bool = False,
) -> bool:  # fmt: skip
    """End an attempt that did not arrive; False where the lease was lost.

    Then somebody else owns the delivery.

    "sending" with `due_at` keeps its place in the line until it is tried again then; `held` may
    be let go before.
    """
    over = state in ("dead", "superseded")
    touched = tx.run(
        "UPDATE delivery SET state = %s, cause = %s, due_at = coalesce(%s, due_at),"
        " in_doubt = in_doubt OR %s, attempts = %s,"
        " claims = 0, held = %s, lease_until = CASE %s WHEN 'sending'"
        " THEN %s::timestamptz END, finished_at = CASE WHEN %s THEN %s::timestamptz END"
        " WHERE tenant = %s AND id = %s AND fence = %s AND state = 'sending'",
        [state, cause, due_at, in_doubt, delivery["attempts"], held, state, due_at,
         over, tx.now, delivery["tenant"], delivery["id"], delivery["fence"]],
    )  # fmt: skip
    if touched and over:
        settle(tx, [Ended(delivery["tenant"], delivery["notification_id"])])
    return bool(touched)


def remember(tx: Transaction, delivery: dict[str, Any], ref: str) -> None:
    """Keep the provider's reference for the later messages of this line."""
    # Its incident may have been merged with another while it was on its way.
    tx.run(
        "UPDATE told t SET ref = %s FROM delivery d WHERE d.tenant = %s AND d.id = %s"
        " AND t.tenant = d.tenant AND t.group_id = d.group_id AND t.integration = d.integration"
        " AND t.incident_id = d.incident_id",
        [ref, delivery["tenant"], delivery["id"]],
    )


def call_off(
    tx: Transaction, tenant: int, incident: uuid.UUID, generation: int, cause: str, *,
    escalated: bool = False,
) -> None:  # fmt: skip
    """Withdraw pages that wait and were planned before this generation.

    `escalated`: only those of escalations and of hand-overs, which no group's log knows of.
    """
    gone = tx.rows(
        "UPDATE delivery d SET state = 'superseded', cause = %s, finished_at = %s"
        " FROM notification n WHERE n.tenant = d.tenant AND n.id = d.notification_id"
        " AND d.tenant = %s AND d.incident_id = %s AND d.generation < %s AND d.state = 'pending'"
        " AND n.reason = ANY(%s) AND (NOT %s OR d.facts IS NOT NULL OR d.person IS NOT NULL)"
        " RETURNING d.notification_id",
        [cause, tx.now, tenant, incident, generation, list(PAGING), escalated],
    )
    settle(tx, [Ended(tenant, row["notification_id"], cause) for row in gone])


def retry(tx: Transaction, tenant: int, delivery: uuid.UUID, by: str) -> dict[str, Any]:
    """Send a dead letter again, with the same key.

    Raises NotFound; Conflict where it is not dead or its line has something newer to say.
    """
    row = tx.row("SELECT * FROM delivery WHERE tenant = %s AND id = %s FOR UPDATE",
                 [tenant, delivery])  # fmt: skip
    if row is None:
        raise errors.NotFound(f"there is no delivery {delivery} in this tenant")
    if row["state"] != "dead":
        raise errors.Conflict(f"this delivery is {row['state']}, only a dead one can be retried")
    newer = tx.row(
        "SELECT id FROM delivery WHERE tenant = %s AND group_id = %s AND integration = %s"
        " AND (state IN ('pending', 'sending') OR (state = 'sent' AND created_at > %s)) LIMIT 1",
        [tenant, row["group_id"], row["integration"], row["created_at"]],
    )
    if newer is not None:
        raise errors.Conflict(
            f"delivery {newer['id']} tells the newer state to the same place; retrying this one"
            " would overtake it"
        )
    tx.run(
        "UPDATE delivery SET state = 'pending', cause = %s, due_at = %s, attempts = 0,"
        " created_at = %s, finished_at = NULL, provider_id = NULL, receipt = NULL,"
        " receipt_at = NULL WHERE tenant = %s AND id = %s",
        [f"taken up again by {by}", tx.now, tx.now, tenant, delivery],
    )
    return {**row, "state": "pending", "due_at": tx.now, "attempts": 0}


def all_lost(tx: Transaction, delivery: dict[str, Any]) -> bool:
    """Whether no delivery of the same notification has arrived or may still do so."""
    return not tx.rows(
        "SELECT 1 FROM delivery WHERE tenant = %s AND notification_id = %s"
        " AND (state IN ('sent', 'sending', 'pending') OR in_doubt) LIMIT 1",
        [delivery["tenant"], delivery["notification_id"]],
    )


def settle(tx: Transaction, ended: Sequence[Ended]) -> None:
    """Explain the events of notifications by what became of their deliveries so far."""
    if not ended:
        return
    successors = {(row.tenant, row.notification): row.successor for row in ended}
    told = events.of_notifications(tx, sorted(successors))
    settled = []
    for row in told:
        outcome = _outcome(row["states"])
        successor = successors[row["tenant"], row["id"]]
        cause = successor if successor and outcome == "superseded" else str(row["id"])
        settled += [
            {"tenant": row["tenant"], "id": event, "outcome": outcome, "cause": cause}
            for event in row["events"]
            if outcome is not None
        ]
    if settled:
        events.settle(tx, settled, min(row["events_since"] for row in told))


def _outcome(states: list[str]) -> str | None:
    """What the states of all deliveries of a notification come to; None: it is not over."""
    if "sent" in states:
        return "notified"
    if "pending" in states or "sending" in states:
        return None
    return "failed" if "dead" in states or "dropped" in states else "superseded"
