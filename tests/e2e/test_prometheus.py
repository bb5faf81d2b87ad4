"""A real Prometheus, and a pair of them, with nothing configured but the address and the token."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from tests import prometheus
from tests.e2e.conftest import Stack, Tenant, eventually, free_port
from tests.e2e.test_alertmanager import warn

POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
"""
#: Of a machine that does much else at the same time.
PATIENCE = 40.0
SENT, FAILED = "prometheus_notifications_sent_total", "prometheus_notifications_errors_total"


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest) -> str:
    """The program; without it a user's machine may go on, but not CI."""
    found = prometheus.find()
    if found is None and os.environ.get("CI"):
        pytest.fail(f"under CI this must not be left out: {prometheus.MISSING}")
    if found is None:
        warn(request.config, prometheus.MISSING)
        pytest.skip(prometheus.MISSING)
    return found


@pytest.mark.slow
def test_a_pair_of_prometheis_is_one_incident_that_resolves(stack: Stack, program: str) -> None:
    tenant = stack.tenant(POLICY)
    address = stack.url.removeprefix("http://")
    target = prometheus.Target(address, f"/t/{tenant.slug}", tenant.token)
    with ExitStack() as left:
        pair = [
            left.enter_context(prometheus.running(
                program, free_port(), target, rule=("Up", "vector(7)"), replica=replica
            ))
            for replica in "ab"
        ]  # fmt: skip

        eventually(lambda: all(each.metric(SENT) >= 2 for each in pair), within=PATIENCE)
        [alert] = tenant.call("GET", "/api/v2/alerts").json()
        assert alert["labels"] == {"alertname": "Up", "severity": "critical"}
        assert alert["annotations"] == {"summary": "it is 7"}
        assert "/graph?g0.expr=" in alert["generatorURL"]
        eventually(lambda: _states(tenant) == ["open"], within=PATIENCE)

        for each in pair:
            each.rule("Up", "vector(7) > 9")
        # As long as one of them fires on, so does the alert, and may open again.
        eventually(lambda: not any(each.fires() for each in pair), within=PATIENCE)
        eventually(lambda: _states(tenant) == ["resolved"], within=PATIENCE)
        eventually(lambda: tenant.call("GET", "/api/v2/alerts").json() == [], within=PATIENCE)
        assert [each.metric(FAILED) for each in pair] == [0, 0]
    tenant.quiet()
    told = [each["status"] for each in tenant.hooks()]
    assert (told[0], told[-1]) == ("firing", "resolved")
    assert _states(tenant) == ["resolved"]
    assert tenant.rows("SELECT count(*) AS n FROM quarantine") == [{"n": 0}]


def _states(tenant: Tenant) -> list[str]:
    return [each["state"] for each in tenant.get("/incidents")["items"]]
