"""Another system is asked by a process of its own: the page is there first, the facts follow."""

from __future__ import annotations

import asyncio

import redis

from tests.e2e.conftest import Stack, alert, eventually
from tocsin.demo.fakes import server

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - {receiver: core, matchers: [team=core]}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: core
    webhook: [{url: "{hook}/core"}]
enrichment:
  steps:
    - name: cmdb
      http: {url: "{cmdb}/hosts/{labels.host}", labels: {team: team}}
"""


async def slow(request: server.Request) -> server.Reply:
    await asyncio.sleep(2)
    return server.Reply(200, b'{"team": "core"}')


def test_a_page_never_waits_for_facts_and_they_come_though_every_ring_is_lost(
    stack: Stack,
) -> None:
    with server.running(server.Server(slow)) as cmdb:
        tenant = stack.tenant(POLICY.replace("{cmdb}", cmdb.url))
        tenant.post(alert(alertname="Disk", host="h1", severity="critical"))
        (first,) = eventually(tenant.hooks, within=2)
        assert first["incident"]["notes"] == ["Facts of cmdb are missing: it has not answered yet."]
        with redis.Redis.from_url(stack.supervisor.environment["REDIS_URL"]) as client:
            client.flushall()
        told = eventually(lambda: tenant.hooks("/core"))
        assert told[0]["commonLabels"]["team"] == "core"
        assert told[0]["incident"]["notes"] == []
        tenant.post(alert(alertname="Other", host="h1", severity="critical"))
        eventually(lambda: len(tenant.hooks("/core")) == 2, within=2)
        tenant.quiet()
