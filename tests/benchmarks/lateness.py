"""How late escalations take their steps: `python -m tests.benchmarks.lateness --incidents 300`.

A whole installation with one tenant. Each incident tells anna at once and ben ten seconds later;
what is measured is how long after its time each step was done, as the record says. Ends with 1
where a step came early, or not at all.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.e2e import conftest as stories

POLICY = """
storms: {threshold: 0}
route: {receiver: ops, group_by: [alertname, instance], group_wait: 0s, group_interval: 0s}
receivers:
  - {name: ops, escalation: primary}
accounts: {webhook: {}}
people:
  - {name: anna, webhook: "{hook}/anna"}
  - {name: ben, webhook: "{hook}/ben"}
escalations:
  - name: primary
    steps: [{notify: [{person: anna}]}, {wait: 10s}, {notify: [{person: ben}]}, {wait: 9h}]
"""
#: A step counts from 0; the second of those that tell somebody stands behind the wait.
STEPS = """
SELECT step, extract(epoch FROM done_at - due_at)::float8 AS late FROM escalation_step
"""
#: From the moment in which a step was due until its page was with the provider.
PAGED = """
SELECT extract(epoch FROM d.finished_at - s.due_at)::float8 AS late
FROM escalation_step s JOIN delivery d ON d.tenant = s.tenant
  AND d.notification_id = s.notification_id AND d.state = 'sent'
WHERE s.step = 2
"""
#: Alerts of one post, so that the incidents open one after the other as in a storm.
POST = 25


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--incidents", type=int, default=300)
    parser.add_argument("--scale", default="", help="As of `tocsin up`, such as page=2.")
    chosen = parser.parse_args(arguments)
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    with stories.launched(scale=chosen.scale) as stack:
        rows, paged = _measured(stack, chosen.incidents)
    print(f"{chosen.incidents} incidents, {os.cpu_count()} cores, load before: {load}")
    for step, name in ((0, "anna, at once"), (2, "ben, after 10 s")):
        _show(name, [row["late"] for row in rows if row["step"] == step])
    _show("ben's page was sent", [row["late"] for row in paged])
    early = sum(row["late"] < 0 for row in rows)
    whole = len(rows) == 2 * chosen.incidents
    print(f"steps: {len(rows)} of {2 * chosen.incidents}; early: {early or 'never'}")
    return 0 if whole and not early else 1


def _measured(
    stack: stories.Stack, incidents: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    tenant = stack.tenant(POLICY)
    alerts = [
        stories.alert(alertname="Late", instance=f"i{n}", severity="critical")
        for n in range(incidents)
    ]
    for at in range(0, incidents, POST):
        tenant.post(*alerts[at : at + POST])
    deadline = time.monotonic() + 60 + incidents
    while time.monotonic() < deadline:
        paged = tenant.rows(PAGED)
        if len(paged) == incidents:
            break
        time.sleep(0.5)
    return tenant.rows(STEPS), tenant.rows(PAGED)


def _show(name: str, values: list[float]) -> None:
    if not values:
        print(f"{name:<22} nothing")
        return
    ordered = sorted(values)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.99))
    print(f"{name:<22} p50 {p50:.3f} s   p99 {p99:.3f} s   max {ordered[-1]:.3f} s")


if __name__ == "__main__":
    sys.exit(main())
