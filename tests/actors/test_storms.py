"""A storm is one page and a digest; what is critical passes; nothing is lost, nothing told twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from schemas.alert import Severity
from tests.actors.conftest import Hall, Tenant, alert

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


def test_a_storm_is_one_page_that_says_what_it_shares(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 50)
    hall.settle()
    (title,) = heard(tenant)
    assert title.startswith("Storm: 50 alerts in ")
    assert "100 % alertname=NodeDown" in title
    assert outcomes(tenant) == {"folded": 50}
    (storm,) = tenant.rows("SELECT id::text, incident_id FROM storm")
    assert set(tenant.column("SELECT cause FROM alert_event")) == {storm["id"]}
    assert tenant.one("SELECT count(*) FROM incident") == 1
    groups = tenant.column("SELECT group_id FROM incident_group WHERE incident_id = %s"
                           " AND reason = 'storm' AND left_at IS NULL", storm["incident_id"])  # fmt: skip
    assert len(groups) == 50
