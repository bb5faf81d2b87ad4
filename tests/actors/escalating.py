"""The words in which the stories of escalations are told."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson

from tests.actors.conftest import Hall, Tenant, alert

#: People are told by a webhook of their own each, below the tenant's path.
PEOPLE = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    escalation: primary
  - {name: chat, webhook: [{url: "{hook}/chat"}]}
accounts:
  webhook: {}
people:
  - {name: anna, webhook: "{hook}/anna"}
  - {name: ben, webhook: "{hook}/ben"}
  - {name: carl, webhook: "{hook}/carl"}
  - {name: dora}
teams:
  - {name: db, people: [anna, ben]}
  - {name: nobody, people: [dora]}
schedules: [{name: empty}]
holidays: [{name: never}]
"""
CHAIN = """
escalations:
  - name: primary
    steps:
      - notify: [{person: anna}]
      - wait: 5m
      - notify: [{person: ben}]
      - wait: 10m
      - notify: [{team: db}, {receiver: chat}]
"""


#: An alarm about it may have opened another.
FIRST = "(SELECT id FROM incident ORDER BY opened_at, id LIMIT 1)"


def policy(steps: str, repeat: int = 0, rest: str = PEOPLE) -> str:
    """A policy whose one escalation has these steps, each a line."""
    lines = "\n".join(f"      - {line.strip()}" for line in steps.strip().splitlines())
    return f"{rest}escalations:\n  - name: primary\n    repeat: {repeat}\n    steps:\n{lines}\n"


def begin(
    hall: Hall, text: str = PEOPLE + CHAIN, severity: str = "critical", **labels: str
) -> Tenant:
    """A tenant whose escalation has taken its first steps."""
    tenant = hall.tenant(text)
    fire(tenant, severity=severity, **labels)
    hall.settle()
    return tenant


def fire(tenant: Tenant, name: str = "Disk", **labels: str) -> None:
    start = tenant.now - timedelta(minutes=1)
    tenant.send(alert(name, "firing", starts=start, ends=None, notes=None, **labels))


def over(tenant: Tenant, name: str = "Disk", **labels: str) -> None:
    now = tenant.now
    tenant.send(
        alert(name, "resolved", starts=now - timedelta(minutes=1), ends=now, notes=None, **labels)
    )


def paged(tenant: Tenant) -> list[tuple[str, str]]:
    """Who was told in which order, and why: the last part of the path, and the reason."""
    calls = tenant.hall.providers.ledger.calls()
    mine = [call for call in calls if call.dest.startswith(tenant.dest + "/") and call.effect
            and call.seen <= 1]  # fmt: skip
    return [(call.dest.rsplit("/", 1)[1], call.body["incident"]["reason"]) for call in mine]


def who(tenant: Tenant) -> list[str]:
    return [name for name, _ in paged(tenant)]


def act(tenant: Tenant, what: Callable[..., Any], incident: uuid.UUID | None = None) -> Any:
    """Something that Ann does to the only incident."""
    of = incident or tenant.one("SELECT id FROM incident")
    with tenant.hall.record.session([tenant.id]) as tx:
        return what(tx, tenant.id, of, "ann")


def state(tenant: Tenant) -> str:
    found: str = tenant.one("SELECT state FROM escalation ORDER BY began_at LIMIT 1")
    return found


def steps(tenant: Tenant) -> list[tuple[int, int, str]]:
    """(round, step, outcome) of the steps that ran for the first incident."""
    rows = tenant.rows(
        f"SELECT * FROM escalation_step WHERE incident_id = {FIRST} ORDER BY run, round, step"
    )
    return [(row["round"], row["step"], row["outcome"]) for row in rows]


def story(tenant: Tenant) -> list[str]:
    return tenant.column(
        f"SELECT kind FROM timeline WHERE starts_with(kind, 'escalation') AND incident_id = {FIRST}"
        " ORDER BY id"
    )


def facts(tenant: Tenant) -> list[dict[str, Any]]:
    texts = tenant.column("SELECT facts FROM delivery WHERE facts IS NOT NULL ORDER BY created_at")
    return [orjson.loads(text) for text in texts]
