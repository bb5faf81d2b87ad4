"""Alerts whose effective labels change move to the groups that these lead to, and leave the old."""

from __future__ import annotations

from typing import Any

from tests.actors.conftest import Hall, Tenant, alert
from tocsin.storage import alerts, events, inbox

TREE = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
  routes:
    - {receiver: db, matchers: [team=db]}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: db
    webhook: [{url: "{hook}/db"}]
"""
MEMBERS = (
    "SELECT g.receiver, a.labels FROM group_member m JOIN alert_group g ON g.id = m.group_id"
    " JOIN alert a ON a.fingerprint = m.fingerprint ORDER BY 1, 2"
)
INCIDENTS = (
    "SELECT g.receiver, i.state FROM incident i JOIN alert_group g ON g.id = i.group_id ORDER BY 1"
)


def late_fact(tenant: Tenant, fingerprint: str, added: str) -> None:
    """Enrichment found something after the alert had gone its way."""
    with tenant.hall.record.session([tenant.id]) as tx:
        alerts.lock(tx, [(tenant.id, fingerprint)])
        alerts.enriched(
            tx, [{"tenant": tenant.id, "fingerprint": fingerprint, "extra": None, "added": added}]
        )
        event: dict[str, Any] = {
            "tenant": tenant.id, "received_at": tx.now, "fingerprint": fingerprint,
            "kind": "enriched", "status": "firing", "severity": "none", "posted": False,
            "policy_version": 1, "outcome": None, "cause": None,
        }  # fmt: skip
        inbox.hand_on(tx, "evaluate", [(tenant.id, events.insert(tx, [event]), tx.now)])


def test_a_late_label_moves_an_alert_and_its_old_incident_ends(hall: Hall) -> None:
    tenant = hall.tenant(TREE)
    disk = alert("Disk", host="a")
    tenant.send(disk)
    hall.settle()
    assert [row["receiver"] for row in tenant.rows(MEMBERS)] == ["ops"]
    late_fact(tenant, disk.fingerprint, '{"team":"db"}')
    hall.settle()
    assert [row["receiver"] for row in tenant.rows(MEMBERS)] == ["db"]
    found = [(row["receiver"], row["state"]) for row in tenant.rows(INCIDENTS)]
    assert found == [("db", "open"), ("ops", "resolved")]
    told = hall.providers.ledger.calls(dest=f"{tenant.dest}/db")
    assert told[-1].body["alerts"][0]["labels"]["team"] == "db"


def test_the_others_of_the_old_group_stay(hall: Hall) -> None:
    tenant = hall.tenant(TREE)
    one, two = alert("Disk", host="a"), alert("Disk", host="b")
    tenant.send(one, two)
    hall.settle()
    late_fact(tenant, one.fingerprint, '{"team":"db"}')
    hall.settle()
    assert [row["receiver"] for row in tenant.rows(MEMBERS)] == ["db", "ops"]
    states = {row["receiver"]: row["state"] for row in tenant.rows(INCIDENTS)}
    assert states == {"db": "open", "ops": "open"}


def test_it_ends_where_it_was_told_of(hall: Hall) -> None:
    tenant = hall.tenant(TREE)
    disk = alert("Disk", host="a")
    tenant.send(disk)
    late_fact(tenant, disk.fingerprint, '{"team":"db"}')
    hall.settle()
    tenant.send(alert("Disk", "resolved", host="a", starts=disk.starts_at))
    hall.settle()
    states = {row["receiver"]: row["state"] for row in tenant.rows(INCIDENTS)}
    assert states["db"] == "resolved"
    assert None not in tenant.outcomes()


def test_the_search_finds_it_by_what_it_is_called_now(hall: Hall) -> None:
    tenant = hall.tenant(TREE)
    disk = alert("Disk", host="a")
    tenant.send(disk)
    late_fact(tenant, disk.fingerprint, '{"team":"db"}')
    assert tenant.labelled(team="db") == [disk.fingerprint]
