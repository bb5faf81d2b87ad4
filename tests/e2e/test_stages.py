"""Each stage on a queue and a Procfile line of its own leaves the same record as the fused line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Stack, alert, eventually, iso

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - receiver: db
      matchers: [team=db]
      continue: true
    - receiver: nobody
      matchers: [severity=info]
receivers:
  - name: ops
    webhook:
      - url: {hook}
  - name: db
    webhook:
      - url: {hook}/db
  - name: nobody
rules:
  - name: gold
    when: labels.team == "db"
    then: {labels: {tier: gold}, severity: error}
enrichment:
  table:
    - matchers: [team=db]
      set: {runbook: "https://runbooks.example.org/db", owner: dba}
"""
STAGES = (
    "dedup", "enrich", "evaluate", "group", "flush", "expire", "unmute", "subside", "reroute",
    "judge",
)  # fmt: skip
#: What must be equal: everything but ids and moments.
SAME = {
    "alerts": "SELECT fingerprint, status, severity, labels, annotations, extra, ruled, count"
    " FROM alert",
    "events": "SELECT fingerprint, kind, status, severity, posted, outcome, policy_version"
    " FROM alert_event",
    "groups": "SELECT route, receiver, labels, active FROM alert_group",
    "members": "SELECT g.route, g.labels, m.fingerprint, m.event_id IS NULL AS explained"
    " FROM group_member m JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id",
    "incidents": "SELECT title, severity, state, generation FROM incident",
    "told": "SELECT integration, firing, resolved, reason FROM told",
    "deliveries": "SELECT integration, channel, queue, state FROM delivery",
    "timelines": "SELECT kind, actor, detail FROM timeline",
    "labels": "SELECT fingerprint, cardinality(tags) AS tags FROM alert",
    "timers": "SELECT kind FROM timer",
}


def work(stack: Stack) -> dict[str, list[str]]:
    """The same history on any installation, and what the record says of it."""
    tenant = stack.tenant(POLICY)
    began = stack.now() - 60
    for n in range(3):
        tenant.post(alert(alertname="Disk", n=str(n), team="db", severity="critical", starts=began))
        tenant.quiet()
    tenant.post(alert(alertname="Note", severity="info", starts=began))
    tenant.post(alert(alertname="Disk", n="0", team="db", severity="critical", starts=began))
    tenant.quiet()
    over = iso(stack.now())
    tenant.post(
        *({"labels": {"alertname": "Disk", "n": str(n), "team": "db", "severity": "critical"},
           "startsAt": iso(began), "endsAt": over} for n in range(3))
    )  # fmt: skip
    tenant.quiet()
    eventually(lambda: tenant.rows("SELECT 1 AS one FROM incident WHERE state = 'resolved'"))
    return {name: sorted(map(repr, tenant.rows(sql))) for name, sql in SAME.items()}


def test_each_stage_on_its_own_queue_gives_the_same_record(
    stack: Stack, launch_stack: Callable[..., Any], tmp_path: Path
) -> None:
    own = tmp_path / "Procfile"
    lines = Path("Procfile").read_text().splitlines()
    lines += [
        f"{stage}: dramatiq actors --skip-logging --processes 1 --threads 1 -Q q_{stage}"
        for stage in STAGES
    ]
    own.write_text("\n".join(lines) + "\n")
    queues = ",".join(f"{stage}=q_{stage}" for stage in STAGES)
    fused = work(stack)
    with launch_stack(
        procfile=own, scale="scoring=0,lookup=0", env={"TOCSIN_STAGE_QUEUES": queues}
    ) as other:
        apart = work(other)
    assert apart == fused
