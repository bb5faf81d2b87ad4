"""An escalation goes on through kills, an empty Redis and a restart: each step once, in time."""

from __future__ import annotations

import httpx
import psutil

from tests.e2e.conftest import Stack, Tenant, alert, eventually
from tests.e2e.test_faults import flush_redis

POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    escalation: primary
accounts:
  webhook: {}
people:
  - {name: anna, webhook: "{hook}/anna"}
  - {name: ben, webhook: "{hook}/ben"}
  - {name: carl, webhook: "{hook}/carl"}
escalations:
  - name: primary
    steps:
      - notify: [{person: anna}]
      - wait: 3s
      - notify: [{person: ben}]
      - wait: 3s
      - notify: [{person: carl}]
"""
STEPS = "SELECT step, done_at - due_at AS late FROM escalation_step ORDER BY step"


def begun(stack: Stack) -> Tenant:
    tenant = stack.tenant(POLICY)
    tenant.post(alert(alertname="Disk", severity="critical"))
    eventually(lambda: tenant.hooks("/anna"))
    return tenant


def kill_all(stack: Stack) -> None:
    """kill -9 of every process of ours at once; the supervisor begins them again."""
    for name in ("page", "pipeline", "notify", "clock", "web"):
        for child in stack.children(name):
            master = psutil.Process(child.process.pid)
            for process in [*master.children(recursive=True), master]:
                process.kill()


def answers(tenant: Tenant) -> bool:
    """Whether the API is there again."""
    try:
        return tenant.call("GET", "/api/v1/incidents").status_code == 200
    except httpx.HTTPError:
        return False


def told(tenant: Tenant) -> list[int]:
    return [len(tenant.hooks(f"/{name}")) for name in ("anna", "ben", "carl")]


def test_it_goes_on_although_redis_forgets_everything_and_every_worker_is_killed(
    stack: Stack,
) -> None:
    tenant = begun(stack)
    flush_redis(stack)
    kill_all(stack)
    eventually(lambda: told(tenant)[1], within=60)
    flush_redis(stack)
    eventually(lambda: told(tenant)[2], within=60)
    assert told(tenant) == [1, 1, 1]
    rows = tenant.rows(STEPS)
    assert [row["step"] for row in rows] == [0, 2, 4]
    assert all(row["late"].total_seconds() >= 0 for row in rows)
    eventually(lambda: answers(tenant), within=60)


def test_who_acknowledges_stops_it_whatever_is_rung(stack: Stack) -> None:
    tenant = begun(stack)
    (found,) = tenant.get("/incidents")["items"]
    assert tenant.call("POST", f"/api/v1/incidents/{found['id']}/ack").status_code == 200
    stack.travel(60)
    shown = tenant.get(f"/incidents/{found['id']}")["escalations"][0]
    assert shown["state"] == "stopped"
    other = begun(stack)
    eventually(lambda: told(other)[1])
    assert told(tenant) == [1, 0, 0]
    assert [row["step"] for row in tenant.rows(STEPS)] == [0]
