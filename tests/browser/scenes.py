"""A tenant with life in it, as the pipeline would have written it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg

from tests.web import seeds
from tocsin import ids
from tocsin.i18n import samples
from tocsin.security import crypto
from tocsin.storage import heartbeats
from tocsin.storage.heartbeats import Ping
from tocsin.storage.record import Record, Transaction


@dataclass(frozen=True)
class Incident:
    """One incident of a scene: what it is called, and how its deliveries ended."""

    title: str
    severity: str
    labels: dict[str, str]
    minutes: int
    state: str = "open"


INCIDENTS = (
    Incident("Orders database is down", "critical", {"service": "orders", "region": "eu-1"}, 7),
    Incident("Checkout answers slowly", "error", {"service": "checkout"}, 22),
    Incident("Disk of the build host fills up", "warning", {"host": "build-3"}, 95),
    Incident("Certificate ends in 12 days", "info", {"host": "shop"}, 240, "acknowledged"),
)


@dataclass(frozen=True)
class Sent:
    """One delivery of a scene; `minutes` until its next attempt."""

    channel: str
    place: str
    state: str
    reason: str | None = None
    error: str | None = None
    attempts: int = 0
    minutes: int = 60


DELIVERIES = (
    Sent("slack", "slack #orders-night", "dead", "clientError", "channel_not_found", 1),
    Sent("sms", "sms +49 171 ••• 4567", "dead", "clientError", "21211: not a valid number", 1),
    Sent("email", "e-mail ops@example.org", "dead", "connectError", "no route to mail host", 6),
    Sent("webhook", "webhook tickets.example.org", "pending", "serverError", "502", 3, 2),
    Sent("slack", "slack #platform", "pending"),
    Sent("slack", "slack #platform", "sent", attempts=1),
    Sent("email", "e-mail lead@example.org", "sent", attempts=1),
)


def night(record: Record, tenant: int) -> list[uuid.UUID]:
    """Open incidents of each severity, and deliveries that stand everywhere; gives incidents."""
    with record.session([tenant]) as tx:
        made = [_incident(tx, tenant, one) for one in INCIDENTS]
        for number, one in enumerate(DELIVERIES):
            _delivery(tx, tenant, made[number % len(made)], number, one)
        _beats(tx, tenant)
    return made


def _beats(tx: Transaction, tenant: int) -> None:
    """Heartbeats of each state."""
    names = ("backup-of-the-orders-database", "mail", "never", "paused", "watchdog")
    seeds.heartbeats_of(tx, tenant, *names)
    tx.run("UPDATE heartbeat SET planned_at = planned_at - interval '1 day'")
    agent = "Mozilla/5.0-(compatible;-a-very-long-name-without-any-space-in-it-at-all/1.2.3)"
    heartbeats.ping(tx, [
        heartbeats.folded(tenant, name, [Ping("fail" if name == "mail" else "success", ago, 3,
                                              "2001:db8:1234:5678:9abc:def0:1234:5678", agent)])
        for name, ago in zip(names[:2] + names[3:], (900, 60, 60, 330), strict=True)
    ])  # fmt: skip
    heartbeats.pause(tx, {"tenant": tenant, "name": "paused"}, "anna")


def dead(record: Record, tenant: int, count: int, channel: str = "sms") -> None:
    """So many dead letters, each of a line of its own."""
    with record.session([tenant]) as tx:
        incident = _incident(tx, tenant, INCIDENTS[0])
        for number in range(count):
            place = f"{channel} place {number % 3}"
            one = Sent(channel, place, "dead", "timeout", "no answer within 10 s", 4)
            _delivery(tx, tenant, incident, number, one)


def words(record: Record, owner_url: str, tenant: int, master_key: Path) -> None:
    """Give every notification something to say, sealed as it would be."""
    sealer = crypto.from_file(master_key)
    message = samples.message("first").model_copy(update={"title": INCIDENTS[0].title})
    with record.session([tenant]) as tx:
        sealer.load(tx, tenant)
    blob = sealer.seal(tenant, message.model_dump_json().encode())
    # The application may not change what was decided.
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE notification SET message = %s WHERE tenant = %s", [blob, tenant])


def _incident(tx: Transaction, tenant: int, one: Incident) -> uuid.UUID:
    began = tx.now - timedelta(minutes=one.minutes)
    fingerprint = seeds.alert(
        tx, tenant, {"alertname": one.title.split()[0], **one.labels}, severity=one.severity,
        starts_at=began,
    )  # fmt: skip
    group = seeds.group(tx, tenant, fingerprint)
    tx.run(
        "UPDATE alert_group SET labels = %s WHERE tenant = %s AND id = %s",
        [orjson.dumps(one.labels).decode(), tenant, group],
    )
    incident = seeds.incident(tx, tenant, group, one.state)
    taken = (tx.now, "anna") if one.state == "acknowledged" else (None, None)
    tx.run(
        "UPDATE incident SET title = %s, severity = %s, opened_at = %s, acknowledged_at = %s,"
        " acknowledged_by = %s WHERE tenant = %s AND id = %s",
        [one.title, one.severity, began, *taken, tenant, incident],
    )
    return incident


def _delivery(tx: Transaction, tenant: int, incident: uuid.UUID, number: int, one: Sent) -> None:
    found: Any = tx.row(
        "SELECT group_id FROM incident WHERE tenant = %s AND id = %s", [tenant, incident]
    )
    told = seeds.notification(tx, tenant, found["group_id"], incident, [])
    made = ids.new(tx.now)
    over = tx.now if one.state in ("dead", "sent") else None
    due = tx.now + timedelta(minutes=one.minutes)
    tx.run(
        "INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation,"
        " integration, channel, destination, queue, state, due_at, created_at, cause, attempts,"
        " finished_at) VALUES (%s, %s, %s, %s, %s, 1, %s, %s, %s, 'page', %s, %s, %s, %s, %s, %s)",
        [tenant, made, told, found["group_id"], incident, f"team/{one.channel}/{number}",
         one.channel, one.place, one.state, due, tx.now - timedelta(minutes=9), one.error,
         one.attempts, over],
    )  # fmt: skip
    for attempt in range(1, one.attempts + 1):
        at = tx.now - timedelta(minutes=9 - attempt)
        outcome = one.state if attempt == one.attempts and over else "retry"
        tx.run(
            "INSERT INTO delivery_attempt (tenant, delivery_id, attempt, started_at, finished_at,"
            " outcome, reason, error, status_code) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, NULL)",
            [tenant, made, attempt, at, at, outcome, one.reason, one.error],
        )
