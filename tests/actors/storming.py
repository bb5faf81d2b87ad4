"""The words that stories of storms are told in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from schemas.alert import Severity
from tests.actors.conftest import Tenant, alert

POLICY = """
route:
  receiver: ops
  group_by: [alertname, node]
  group_wait: 0s
  group_interval: 0s
storms: {threshold: 20, window: 1m, page_interval: 10m, calm: 5m}
receivers:
  - name: ops
    webhook:
      - url: {hook}
"""


def blow(
    tenant: Tenant, count: int, *, first: int = 0, name: str = "NodeDown",
    severity: Severity = "warning", cluster: str = "eu1",
) -> None:  # fmt: skip
    """So many new alerts at once, each of a group of its own."""
    now = tenant.now
    tenant.post(*(
        alert(name, starts=now, node=f"n{n}", cluster=cluster, severity=severity)
        for n in range(first, first + count)
    ))  # fmt: skip


def heard(tenant: Tenant) -> list[str]:
    """What each message was called."""
    return [body["incident"]["title"] for body in tenant.told()]


def outcomes(tenant: Tenant) -> Counter[Any]:
    return Counter(tenant.outcomes())


def over(tenant: Tenant, count: int) -> None:
    """So many of those that blew are over."""
    now = tenant.now
    tenant.post(*(
        alert("NodeDown", "resolved", starts=None, ends=now, node=f"n{n}", cluster="eu1",
              severity="warning") for n in range(count)
    ))  # fmt: skip
