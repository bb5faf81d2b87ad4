"""Rows as the pipeline would have written them, for tests that only read and act."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from tocsin import ids
from tocsin.domain import people
from tocsin.domain import storms as rules
from tocsin.domain.heartbeats import Heartbeat, Rhythm
from tocsin.storage import alerts, contacts, heartbeats, models, storms
from tocsin.storage.record import Record, Transaction


@dataclass(frozen=True)
class Story:
    """One alert, its group, its incident, and what was sent about it."""

    fingerprint: str
    event: int
    group: uuid.UUID
    incident: uuid.UUID
    notification: uuid.UUID
    delivery: uuid.UUID


def alert(tx: Transaction, tenant: int, labels: dict[str, str], **fields: Any) -> str:
    """Store an alert with its labels; returns its fingerprint."""
    row = {
        "tenant": tenant, "fingerprint": uuid.uuid4().hex[:16], "status": "firing",
        "severity": "critical", "labels": orjson.dumps(labels).decode(), "annotations": "{}",
        "source": "prometheus", "generator_url": "", "starts_at": tx.now, "ends_at": None,
        "expires_at": None, "count": 1, "first_seen": tx.now, "last_seen": tx.now, **fields,
    }  # fmt: skip
    alerts.insert(tx, [row])
    return str(row["fingerprint"])


def nobody_is_deaf(tx: Transaction) -> None:
    """No process takes pings here, and some test that had one is over since long."""
    tx.run(
        "UPDATE hearing SET heard_at = now() + interval '1 hour', deaf_since = NULL,"
        " deaf_until = NULL"
    )


def heartbeats_of(tx: Transaction, tenant: int, *names: str) -> None:
    """What must be heard each five minutes, as the policy has it."""
    rhythm = Rhythm(timedelta(minutes=5), "", "UTC", timedelta(minutes=1))
    nobody_is_deaf(tx)
    heartbeats.lay(tx, tenant, [Heartbeat(name, rhythm) for name in names])


def event(tx: Transaction, tenant: int, fingerprint: str, **fields: Any) -> int:
    row = {"kind": "new", "outcome": None, "cause": None, "at": tx.now, **fields}
    found = tx.row(
        "INSERT INTO alert_event (tenant, received_at, fingerprint, kind, status, severity, posted,"
        " policy_version, outcome, cause)"
        " VALUES (%s, %s, %s, %s, 'firing', 'critical', true, 3, %s, %s) RETURNING id",
        [tenant, row["at"], fingerprint, row["kind"], row["outcome"], row["cause"]],
    )
    assert found is not None
    return int(found["id"])


def group(tx: Transaction, tenant: int, *fingerprints: str) -> uuid.UUID:
    made = ids.new(tx.now)
    tx.run(
        "INSERT INTO alert_group (tenant, id, route, receiver, labels, active, policy_version,"
        " created_at)"
        " VALUES (%s, %s, 'root/0', 'team-db', '{\"alertname\":\"DiskFull\"}', true, 3, %s)",
        [tenant, made, tx.now],
    )
    for fingerprint in fingerprints:
        tx.run(
            "INSERT INTO group_member (tenant, group_id, fingerprint) VALUES (%s, %s, %s)",
            [tenant, made, fingerprint],
        )
    return made


def incident(tx: Transaction, tenant: int, of: uuid.UUID, state: str = "open") -> uuid.UUID:
    made = ids.new(tx.now)
    tx.run(
        "INSERT INTO incident (tenant, id, group_id, title, severity, state, generation, opened_at)"
        " VALUES (%s, %s, %s, 'DiskFull', 'critical', %s, 1, %s)",
        [tenant, made, of, state, tx.now],
    )
    _belongs(tx, tenant, made, of)
    tx.run(
        "INSERT INTO timeline (tenant, incident_id, at, kind, actor, detail)"
        " VALUES (%s, %s, %s, 'opened', 'tocsin', '{\"alerts\":1}')",
        [tenant, made, tx.now],
    )
    return made


def part(tx: Transaction, tenant: int, of: uuid.UUID) -> uuid.UUID:
    """One more group of an incident."""
    made = group(tx, tenant)
    _belongs(tx, tenant, of, made)
    return made


def _belongs(tx: Transaction, tenant: int, about: uuid.UUID, of: uuid.UUID) -> None:
    tx.run(
        "INSERT INTO incident_group (tenant, incident_id, group_id, joined_at, reason, confidence,"
        " detail, facts) VALUES (%s, %s, %s, %s, 'opened', 1, '{}', '{}')",
        [tenant, about, of, tx.now],
    )


def delivery(
    tx: Transaction, tenant: int, *, of: uuid.UUID, about: uuid.UUID, notification: uuid.UUID,
    state: str = "dead", integration: str = "team-db/slack/0",
) -> uuid.UUID:  # fmt: skip
    made = ids.new(tx.now)
    tx.run(
        "INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation,"
        " integration, channel, destination, queue, state, due_at, created_at, cause, attempts)"
        " VALUES (%s, %s, %s, %s, %s, 1, %s, 'slack', 'slack #db', 'page', %s, %s, %s,"
        " 'channel_not_found: invite the bot', 1)",
        [tenant, made, notification, of, about, integration, state, tx.now, tx.now],
    )
    tx.run(
        "INSERT INTO delivery_attempt (tenant, delivery_id, attempt, started_at, finished_at,"
        " outcome, reason, error, status_code)"
        " VALUES (%s, %s, 1, %s, %s, 'dead', 'clientError', 'channel_not_found', 404)",
        [tenant, made, tx.now, tx.now + timedelta(seconds=1)],
    )
    return made


def notification(
    tx: Transaction, tenant: int, of: uuid.UUID, about: uuid.UUID, events: list[int]
) -> uuid.UUID:
    made = ids.new(tx.now)
    tx.run(
        "INSERT INTO notification (tenant, id, group_id, incident_id, reason, message, events,"
        " events_since, policy_version, created_at)"
        " VALUES (%s, %s, %s, %s, 'first', '\\x00', %s, %s, 3, %s)",
        [tenant, made, of, about, events, tx.now, tx.now],
    )
    return made


def code(
    tx: Transaction, tenant: int, person: str, by: str, address: str, digits: str
) -> None:  # fmt: skip
    """A test page with this code was sent two minutes ago."""
    hashed = people.digest(f"{tenant} {person} {by} {digits}")
    contacts.begin(tx, tenant, person, by, people.digest(address), hashed)
    tx.run("UPDATE contact SET code_sent_at = code_sent_at - interval '2 minutes'")


def story(record: Record, tenant: int, **labels: str) -> Story:
    """One alert from its arrival to the dead letter about it."""
    with record.session([tenant]) as tx:
        fingerprint = alert(tx, tenant, {"alertname": "DiskFull", **labels})
        happened = event(tx, tenant, fingerprint, outcome="failed")
        of = group(tx, tenant, fingerprint)
        about = incident(tx, tenant, of)
        told = notification(tx, tenant, of, about, [happened])
        sent = delivery(tx, tenant, of=of, about=about, notification=told)
        return Story(fingerprint, happened, of, about, told, sent)


def storm(tx: Transaction, tenant: int, of: Story) -> uuid.UUID:
    """A storm under way that has folded the group of a story, whose incident is the storm's."""
    made = ids.new(tx.now)
    storms.write_meters(tx, {
        tenant: rules.Meter(tx.now, 50.0, tx.now, tx.now - timedelta(minutes=3), 412, {
            ("cluster", "eu1"): 379, ("alertname", "NodeDown"): 251, ("instance", "n7"): 3})
    })  # fmt: skip
    storms.begin(tx, [{"tenant": tenant, "id": made}])
    storms.opened(tx, [{"tenant": tenant, "id": made, "incident_id": of.incident}])
    placed = {"tenant": tenant, "storm_id": made, "group_id": of.group}
    storms.count(tx, [{**placed, "alerts": 411, "passed": False}])
    tx.run(
        "UPDATE incident_group SET reason = 'storm' WHERE tenant = %s AND group_id = %s",
        [tenant, of.group],
    )
    told = {"tenant": tenant, "storm_id": made, "receiver": "team-db", "alerts": 411, "shown": 1}
    storms.tell(tx, [{**told, "group_id": ids.new(tx.now)}])
    return made


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def model(tx: Transaction, tenant: int) -> int:
    """A model that nobody can load, which is enough to list it."""
    models.ask(tx, tenant)
    made = {"detector": "ecod", "rows": 300, "feedback": 1, "libraries": "{}"}
    return models.add(tx, tenant, {**made, "blob": b"blob", "mac": b"mac"})
