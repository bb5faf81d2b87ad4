"""Another system that knows things about hosts, and the words in which its tests are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.actors.conftest import Hall, Tenant
from tests.actors.test_enrich import HEAD
from tocsin.demo.fakes import server

CMDB = """
enrichment:
  steps:
    - name: cmdb
      matchers: [host!=""]
      http:
        url: {cmdb}/hosts/{labels.host}
        timeout: 300ms
        ttl: 1h
        miss_ttl: 5m
        labels: {team: owner.team}
        facts: {owner: owner.name}
"""
LATE = "Facts of cmdb are missing: it has not answered yet."
WAITING = "SELECT count(*) FROM lookup_waiting"


@dataclass
class Cmdb:
    """Another system: what it knows, how it behaves, and what it was asked."""

    known: dict[str, Any] = field(default_factory=dict)
    reply: server.Reply | None = None
    asked: list[server.Request] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: server.Request) -> server.Reply:
        self.asked.append(request)
        if self.reply is not None:
            return self.reply
        found = self.known.get(request.target)
        if found is None:
            return server.Reply(404, b"{}")
        return server.Reply(200, json.dumps(found).encode())

    def policy(self, text: str = HEAD + CMDB) -> str:
        return text.replace("{cmdb}", self.url)

    def tenant(self, hall: Hall, text: str = HEAD + CMDB) -> Tenant:
        return hall.tenant(self.policy(text))


@contextmanager
def running() -> Iterator[Cmdb]:
    """A CMDB that knows the host h1."""
    made = Cmdb({"/hosts/h1": {"owner": {"team": "core", "name": "Ann"}}})
    with server.running(server.Server(made.answer)) as answering:
        made.url = answering.url
        yield made


def told(tenant: Tenant) -> list[tuple[str, list[str]]]:
    """Who was told what was missing, in order."""
    calls = tenant.hall.providers.ledger.calls()
    return [
        (call.dest.removeprefix(tenant.dest), call.body["incident"]["notes"])
        for call in calls
        if call.dest.startswith(tenant.dest)
    ]


def page(hall: Hall) -> None:
    """Tell what there is to tell, without asking anybody first."""
    hall.ring("flush")
    hall.ring("deliver_webhook", queue="page")
    hall.ring("deliver_webhook", queue="notify")


def ask(hall: Hall) -> None:
    hall.ring("lookup", queue="lookup")
