"""What is known of the ways to people: confirmed with a code, seen alive, refused by their owner.

A row is about one address, of which only a digest is kept: once a person has another one, all that
was known is about the old one and counts no more.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from tocsin.storage.record import Transaction

#: How long a code of a test page counts, and how often somebody may guess.
CODE_LASTS = timedelta(minutes=10)
TRIES = 5
#: A way is not tested more often, for each test disturbs somebody.
PAUSE = timedelta(minutes=1)
#: The reason of the notifications of test pages, and the incident that they are about: none.
TEST = "test"
NO_INCIDENT = uuid.UUID(int=0)

Verdict = Literal["verified", "wrong", "late", "spent", "none"]

BEGIN = """
INSERT INTO contact (tenant, person, channel, address_hash, code_hash, code_sent_at, tries)
VALUES (%(tenant)s, %(person)s, %(channel)s, %(address)s, %(code)s, %(now)s, 0)
ON CONFLICT (tenant, person, channel) DO UPDATE SET address_hash = excluded.address_hash,
  code_hash = excluded.code_hash, code_sent_at = excluded.code_sent_at, tries = 0,
  verified_at = CASE WHEN contact.address_hash = excluded.address_hash THEN contact.verified_at END,
  seen_at = CASE WHEN contact.address_hash = excluded.address_hash THEN contact.seen_at END
WHERE contact.code_sent_at IS NULL OR contact.code_sent_at <= %(now)s - %(pause)s::interval
  OR contact.address_hash <> excluded.address_hash
"""
SEEN = """
INSERT INTO contact (tenant, person, channel, address_hash, seen_at, tries)
VALUES (%(tenant)s, %(person)s, %(channel)s, %(address)s, %(now)s, 0)
ON CONFLICT (tenant, person, channel) DO UPDATE SET address_hash = excluded.address_hash,
  seen_at = excluded.seen_at, tries = contact.tries,
  verified_at = CASE WHEN contact.address_hash = excluded.address_hash THEN contact.verified_at END,
  code_hash = CASE WHEN contact.address_hash = excluded.address_hash THEN contact.code_hash END
"""


def known(tx: Transaction, tenant: int, person: str | None = None) -> list[dict[str, Any]]:
    """What is known of the ways to everybody, or to this person; check `address_hash`."""
    return tx.rows(
        "SELECT * FROM contact WHERE tenant = %s AND (%s::text IS NULL OR person = %s)"
        " ORDER BY person, channel",
        [tenant, person, person],
    )


def begin(
    tx: Transaction, tenant: int, person: str, channel: str, address: str, code: str
) -> bool:  # fmt: skip
    """Note the digest of a code that is sent now; False where one was sent a moment ago."""
    return bool(
        tx.run(
            BEGIN,
            {"tenant": tenant, "person": person, "channel": channel, "address": address,
             "code": code, "now": tx.now, "pause": PAUSE},
        )
    )  # fmt: skip


def verify(
    tx: Transaction, tenant: int, person: str, channel: str, address: str, code: str
) -> Verdict:  # fmt: skip
    """Confirm a way with the digest of its code. A guess counts only if this is committed."""
    row = tx.row(
        "SELECT * FROM contact WHERE tenant = %s AND person = %s AND channel = %s FOR UPDATE",
        [tenant, person, channel],
    )
    if row is None or row["code_hash"] is None or row["address_hash"] != address:
        return "none"
    if tx.now > row["code_sent_at"] + CODE_LASTS:
        return "late"
    if row["tries"] >= TRIES:
        return "spent"
    fits = row["code_hash"] == code
    tx.run(
        "UPDATE contact SET tries = tries + %s,"
        " verified_at = CASE WHEN %s THEN %s::timestamptz ELSE verified_at END"
        " WHERE tenant = %s AND person = %s AND channel = %s",
        [0 if fits else 1, fits, tx.now, tenant, person, channel],
    )
    return "verified" if fits else "wrong"


def seen(tx: Transaction, tenant: int, person: str, channel: str, address: str) -> None:
    """Note that this address of the person is alive: it answered, or a message arrived."""
    tx.run(
        SEEN,
        {"tenant": tenant, "person": person, "channel": channel, "address": address,
         "now": tx.now},
    )  # fmt: skip


def refusals(tx: Transaction, tenant: int) -> dict[tuple[str, str], datetime]:
    """Since when an address of a channel wants silence."""
    rows = tx.rows(
        "SELECT channel, address, since FROM refused_address WHERE tenant = %s", [tenant]
    )
    return {(row["channel"], row["address"]): row["since"] for row in rows}


def page(
    tx: Transaction, tenant: int, *, notification: uuid.UUID, delivery: uuid.UUID, message: bytes,
    version: int, to: dict[str, str],
) -> None:  # fmt: skip
    """Plan a test page; `to`: person, integration, channel, destination, queue."""
    tx.run(
        "INSERT INTO notification (tenant, id, group_id, incident_id, reason, message, events,"
        " events_since, policy_version, created_at) VALUES (%s, %s, %s, %s, %s, %s, '{}', %s, %s,"
        " %s)",
        [tenant, notification, notification, NO_INCIDENT, TEST, message, tx.now, version, tx.now],
    )
    tx.many(
        "INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation,"
        " integration, channel, destination, queue, state, due_at, created_at, person)"
        " SELECT %(tenant)s, %(id)s, %(of)s, %(of)s, %(none)s, 0, integration, channel,"
        "  destination, queue, 'pending', %(now)s, %(now)s, person"
        " FROM json_to_recordset(%(items)s) AS r (person text, integration text, channel text,"
        "  destination text, queue text)",
        [to],
        {"tenant": tenant, "id": delivery, "of": notification, "none": NO_INCIDENT, "now": tx.now},
    )


def facts(row: dict[str, Any]) -> dict[str, Any]:
    """What a delivery of an escalation is to tell its recipient; empty for others."""
    found = orjson.loads(row["facts"]) if row.get("facts") else {}
    return found if isinstance(found, dict) else {}
