"""Deliveries over several processes: they share the work, and one rate limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import Stack, Tenant, alert, eventually
from tests.e2e.test_spine import SLACK
from tocsin.demo.fakes import faults
from workers import gauge

MANY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
receivers:
  - name: ops
    webhook:
      - url: {hook}
"""

#: The processes that take no messages.
EDGES = ("ingest", "web", "clock")


def send(tenant: Tenant, count: int) -> float:
    """Seconds from the first to the last of so many pages, once all have arrived."""
    tenant.post(*(alert(alertname=f"N{n}", severity="critical") for n in range(count)))
    eventually(lambda: len(tenant.hooks()) >= count, within=60)
    path = f"/hook/{tenant.slug}"
    times = [call.t for call in tenant.stack.providers.ledger.calls(dest=path)]
    return max(times) - min(times)


def listening(stack: Stack) -> bool:
    """Whether every worker process has asked for work; the installation is ready sooner."""
    wanted = [c for c in stack.supervisor.children if c.name.split(".")[0] not in EDGES]
    found = gauge.read(stack.supervisor.environment["REDIS_URL"], [])
    return found is not None and len(found.processes) >= len(wanted)


@pytest.mark.alone
def test_two_page_processes_send_much_faster_than_one(launch_stack: Callable[..., Any]) -> None:
    took = {}
    for count in (1, 2):
        with launch_stack(scale=f"page={count},notify=0,lookup=0,background=0") as stack:
            eventually(lambda: listening(stack), within=60)
            tenant = stack.tenant(MANY)
            slow = faults.Fault("none", latency=0.2)
            stack.providers.script.add(slow, dest=f"/hook/{tenant.slug}")
            took[count] = send(tenant, 120)
    assert took[1] / took[2] >= 1.6


def test_all_processes_together_keep_one_rate_limit(stack: Stack) -> None:
    tenant = stack.tenant(SLACK)
    tenant.post(*(alert(alertname=f"R{n}", severity="critical") for n in range(8)))
    eventually(lambda: len(tenant.slack()) == 8, within=30)
    calls = stack.providers.ledger.calls(provider="slack", dest=f"#{tenant.slug}")
    times = sorted(call.t for call in calls)
    # Three at once, then one a second: eight take five seconds, whoever sends them.
    assert times[-1] - times[0] >= 4.5
    assert not [c for c in calls if c.status == 429]


@pytest.mark.alone
def test_a_dead_destination_does_not_hold_up_another(stack: Stack) -> None:
    stuck, fine = stack.tenant(MANY), stack.tenant(MANY)
    stack.providers.script.add(faults.Fault("hang"), dest=f"/hook/{stuck.slug}")
    stuck.post(*(alert(alertname=f"H{n}", severity="critical") for n in range(40)))
    eventually(lambda: stuck.rows("SELECT 1 AS one FROM delivery WHERE state = 'sending'"))
    began = time.monotonic()
    fine.post(alert(alertname="Fine", severity="critical"))
    eventually(fine.hooks, within=5)
    assert time.monotonic() - began < 5
    stack.providers.script.clear(f"/hook/{stuck.slug}")


@pytest.mark.alone
def test_several_that_hang_leave_room_for_the_one_that_answers(stack: Stack) -> None:
    hanging = [f"hang{n}" for n in range(6)]
    urls = "\n".join(f"      - url: {{hook}}/{name}" for name in [*hanging, "well"])
    tenant = stack.tenant(MANY.replace("      - url: {hook}", urls))
    for name in hanging:
        stack.providers.script.add(faults.Fault("hang"), dest=f"/hook/{tenant.slug}/{name}")
    tenant.post(*(alert(alertname=f"M{n}", severity="critical") for n in range(4)))
    eventually(lambda: len(tenant.hooks("/well")) == 4)
    # Two processes: one thread of each is all that a place gets which has not answered.
    sending = tenant.rows(
        "SELECT count(*) AS n FROM delivery WHERE state = 'sending' AND attempts = 1"
        " AND lease_until > tocsin_now() AND NOT in_doubt GROUP BY destination"
    )
    assert sending
    assert max(row["n"] for row in sending) <= 2
    for name in hanging:
        stack.providers.script.clear(f"/hook/{tenant.slug}/{name}")
