"""Enrichment in the drain: what steps give, who is led elsewhere, what a change ends with."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.actors.conftest import Hall, Tenant, alert
from tocsin.domain import enrichers

HEAD = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
  routes:
    - {receiver: core, matchers: [team=core]}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: core
    webhook: [{url: "{hook}/core"}]
"""
STEPS = """
services:
  api: {depends_on: [db], owner: Core, runbook: "https://run.example/api"}
  db: {}
enrichment:
  table:
    - {set: {note: from the table}}
  steps:
    - lookup:
        key: [service]
        csv: |
          service,team,phone
          api,core,+1
          web,shop,+2
        labels: [team]
        facts: [phone]
    - template: {labels: {squad: "{labels.team}-squad"}}
    - services: {}
"""
FACTS = "SELECT extra, added FROM alert ORDER BY fingerprint"


def facts(tenant: Tenant) -> dict[str, Any]:
    (row,) = tenant.rows(FACTS)
    return {name: orjson.loads(text or "{}") for name, text in row.items()}


def receivers(tenant: Tenant) -> list[str]:
    return tenant.column(
        "SELECT g.receiver FROM group_member m JOIN alert_group g"
        " ON g.tenant = m.tenant AND g.id = m.group_id ORDER BY 1"
    )


def paths(tenant: Tenant) -> list[tuple[str, str]]:
    """Who was told what, in order: the end of the path and the status."""
    calls = tenant.hall.providers.ledger.calls()
    return [
        (call.dest.removeprefix(tenant.dest), call.body["status"])
        for call in calls
        if call.dest.startswith(tenant.dest) and call.effect and call.seen <= 1
    ]


def test_steps_see_what_those_before_them_gave_and_labels_lead_to_routes(hall: Hall) -> None:
    tenant = hall.tenant(HEAD + STEPS)
    tenant.send(alert(service="api"))
    assert facts(tenant) == {
        "added": {"team": "core", "squad": "core-squad"},
        "extra": {"note": "from the table", "phone": "+1", "owner": "Core", "depends_on": "db",
                  "runbook": "https://run.example/api"},
    }  # fmt: skip
    hall.settle()
    (told,) = tenant.hall.providers.ledger.calls(dest=f"{tenant.dest}/core")
    assert told.body["commonLabels"]["squad"] == "core-squad"
    assert told.body["incident"]["notes"] == []


def test_the_index_of_labels_gets_what_an_alert_is_called_now(hall: Hall) -> None:
    tenant = hall.tenant(HEAD + STEPS)
    tenant.send(alert(service="api"))
    assert tenant.labelled(team="core")
    assert not tenant.labelled(team="data")
    tenant.apply((HEAD + STEPS).replace("api,core", "api,data"))
    hall.settle()
    assert tenant.labelled(team="data", service="api")


def test_what_is_over_ends_where_it_was_told_of_also_within_one_drain(hall: Hall) -> None:
    tenant = hall.tenant(HEAD + STEPS)
    start = tenant.now
    over = alert(service="api", status="resolved", starts=start, ends=start)
    tenant.post(alert(service="api", starts=start))
    tenant.post(over)
    hall.ring("dedup")
    assert facts(tenant)["added"]["team"] == "core"
    assert receivers(tenant) == []
    tenant.send(alert(service="api"))  # it comes back, and is over in a drain of its own
    tenant.send(alert(service="api", status="resolved", ends=tenant.now))
    assert facts(tenant)["added"]["team"] == "core"


@pytest.mark.parametrize("changed", [False, True])
def test_a_resolved_alert_keeps_the_labels_that_it_fired_under(hall: Hall, changed: bool) -> None:
    tenant = hall.tenant(HEAD + STEPS)
    tenant.send(alert(service="api"))
    hall.settle()
    if changed:
        tenant.apply(HEAD)  # nothing would lead to `core` now
    tenant.send(alert(service="api", status="resolved", ends=tenant.now))
    hall.settle()
    assert paths(tenant) == [("/core", "firing"), ("/core", "resolved")]


def test_a_changed_policy_enriches_what_fires_anew_and_leads_it_elsewhere(hall: Hall) -> None:
    tenant = hall.tenant(HEAD + STEPS)
    tenant.send(alert(service="web"))
    hall.settle()
    assert receivers(tenant) == ["ops"]
    tenant.apply((HEAD + STEPS).replace("web,shop", "web,core"))
    hall.settle()
    assert receivers(tenant) == ["core"]
    assert paths(tenant)[-1] == ("/core", "firing")


def test_a_policy_that_changes_elsewhere_sends_nobody_round(hall: Hall) -> None:
    tenant = hall.tenant(HEAD + STEPS)
    tenant.send(alert(service="web"))
    hall.settle()
    tenant.apply(HEAD + STEPS + "# a remark\n")
    hall.settle()
    assert tenant.column("SELECT kind FROM alert_event") == ["new"]


def test_an_alert_without_a_route_is_led_to_one_by_new_steps(hall: Hall) -> None:
    nobody = HEAD.replace("  receiver: ops\n", "", 1)
    tenant = hall.tenant(nobody)
    tenant.send(alert(service="api"))
    assert tenant.outcomes() == ["no_route"]
    tenant.apply(nobody + STEPS)
    hall.settle()
    assert paths(tenant) == [("/core", "firing")]


def test_a_step_that_raises_costs_its_facts_and_is_said_and_counted(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(settings: Any, world: enrichers.World) -> enrichers.Enricher:
        def broken(known: enrichers.Known) -> enrichers.Given:
            raise RecursionError("deep")

        return broken

    monkeypatch.setattr(enrichers.REGISTRY["template"], "prepare", prepare)
    tenant = hall.tenant(HEAD + STEPS.replace("- template", "- name: squads\n      template"))
    tenant.send(alert(service="api"))
    hall.settle()
    assert facts(tenant)["added"] == {"team": "core"}
    (told,) = hall.providers.ledger.calls(dest=f"{tenant.dest}/core")
    assert told.body["incident"]["notes"] == [
        "Facts of squads are missing: that step of the enrichment failed."
    ]
    assert tenant.rows("SELECT labels, value FROM tally WHERE name = 'enrichment_gaps_total'") == [
        {"labels": "squads|broken", "value": 1}
    ]
