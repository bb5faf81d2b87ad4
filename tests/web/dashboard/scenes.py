"""A tenant with people, schedules and an incident whose escalation runs, as rows."""

from __future__ import annotations

import uuid
from datetime import timedelta

import orjson

from tests.web import seeds
from tocsin.config import documents
from tocsin.domain import escalation
from tocsin.storage import escalations, policies
from tocsin.storage.record import Record

import channels  # isort: skip

POLICY = """
route: {receiver: ops}
receivers:
  - name: ops
    escalation: primary
accounts:
  webhook: {}
people:
  - {name: anna, shown: Anna Berg, webhook: "https://push.example.org/anna", zone: Europe/Berlin}
  - {name: ben, shown: Ben Okoye, webhook: "https://push.example.org/ben", zone: UTC}
schedules:
  - name: primary
    zone: Europe/Berlin
    layers:
      - {people: [anna, ben], at: "09:00", every: week, starts: 2026-01-05}
  - name: nights
    zone: UTC
    layers:
      - people: [ben]
        at: "09:00"
        every: day
        starts: 2026-01-05
        hours: [{from: "20:00", to: "24:00"}]
escalations:
  - name: primary
    steps:
      - notify: [{person: anna}]
      - wait: 5m
      - notify: [{person: ben}]
"""


def policy(record: Record, tenant: int, text: str = POLICY) -> None:
    """Put a policy in force."""
    documents.parse(text, channels.settings_models())
    with record.session([tenant]) as tx:
        policies.apply(tx, tenant, text, "test")


def escalating(record: Record, tenant: int, about: uuid.UUID) -> None:
    """Let the incident's escalation run: Anna was told, Ben comes in four minutes."""
    made = documents.parse(POLICY, channels.settings_models())
    with record.session([tenant]) as tx:
        [found] = tx.rows("SELECT group_id FROM incident WHERE id = %s", [about])
        row = {
            "tenant": tenant, "incident_id": about, "name": "primary",
            "group_id": found["group_id"],
            "receiver": "ops", "chain": escalation.frozen(made.escalations["primary"]),
            "reason": "first", "severity": "critical", "policy_version": 1, "generation": 1,
            "run": 1, "round": 1, "step": 2, "state": "running", "told": 1,
            "due_at": tx.now + timedelta(minutes=4), "began_at": tx.now, "ended_at": None,
            "cause": None, "alarmed": None, "shown": None, "events": [], "events_since": tx.now,
        }  # fmt: skip
        escalations.write(tx, [row])
        told = {"told": [{"kind": "person", "name": "anna", "via": "person", "by": "anna",
                          "ways": []}], "untold": []}  # fmt: skip
        escalations.ran(tx, [{
            **row, "step": 0, "due_at": tx.now, "outcome": "told", "urgency": "important",
            "notification_id": None, "detail": orjson.dumps(told).decode(),
        }])  # fmt: skip


def incident(record: Record, tenant: int, title: str, **fields: str) -> uuid.UUID:
    """One incident with one alert; `fields` are columns of it."""
    with record.session([tenant]) as tx:
        labels = {"alertname": title.split()[0], "service": fields.pop("service", "orders")}
        fingerprint = seeds.alert(tx, tenant, labels)
        group = seeds.group(tx, tenant, fingerprint)
        found = seeds.incident(tx, tenant, group, fields.pop("state", "open"))
        for column, value in {"title": title, **fields}.items():
            tx.run(
                f"UPDATE incident SET {column} = %s WHERE tenant = %s AND id = %s",
                [value, tenant, found],
            )
        return found
