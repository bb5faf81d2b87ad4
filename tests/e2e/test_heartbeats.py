"""Heartbeats on a whole installation: by their address, and the Watchdog of Prometheus."""

from __future__ import annotations

import httpx

from tests.e2e.conftest import Stack, Tenant, alert, eventually
from tests.e2e.test_spine import POLICY

BEATS = (
    POLICY
    + """
heartbeats:
  - {name: backup, every: 5m, grace: 1m}
  - {name: prometheus, every: 5m, grace: 1m, matchers: ['alertname="Watchdog"']}
"""
)


def told(tenant: Tenant) -> set[tuple[str, str]]:
    """Status and heartbeat of all that was told, in however many messages."""
    return {(each["status"], each["labels"]["heartbeat"])
            for message in tenant.hooks() for each in message["alerts"]}  # fmt: skip


def state(tenant: Tenant) -> dict[str, str]:
    return {each["name"]: each["state"] for each in tenant.get("/heartbeats")["items"]}


def test_what_is_not_heard_is_told_and_what_is_heard_is_not(stack: Stack) -> None:
    tenant = stack.tenant(BEATS)
    eventually(lambda: state(tenant) == {"backup": "new", "prometheus": "new"})
    address = tenant.get("/heartbeats/backup")["url"]
    path = httpx.URL(address).path
    assert httpx.get(stack.url + path).text == "OK"
    assert httpx.post(f"{stack.url}{path}x").status_code == 404
    tenant.post(alert(alertname="Watchdog", severity="none"))
    eventually(lambda: state(tenant) == {"backup": "up", "prometheus": "up"})
    stack.travel(362)
    missing = {("firing", "backup"), ("firing", "prometheus")}
    eventually(lambda: told(tenant) == missing)
    assert httpx.head(stack.url + path).status_code == 200
    tenant.post(alert(alertname="Watchdog", severity="none"))
    over = {("resolved", "backup"), ("resolved", "prometheus")}
    eventually(lambda: told(tenant) == missing | over)
    eventually(lambda: tenant.get("/incidents", state="open")["items"] == [])
