"""A tenant whose people are told by phone, letter, Slack and webhook."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.actors import callbacks, escalating
from tests.actors.conftest import Hall, Tenant
from tocsin.demo.fakes.smtp import Received
from tocsin.security import tokens

BERLIN = "Europe/Berlin"
POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - {name: ops, escalation: primary}
  - {name: chat, webhook: [{url: "{hook}/chat"}]}
accounts:
  sms:
    account_sid: ACCOUNT
    token_env: twilio
    from: "+15005550006"
    api_url: TWILIO
  email: {host: 127.0.0.1, port: PORT, tls: none, from: "Tocsin <t@example.org>"}
  slack: {token_env: bot, api_url: "{slack}"}
  webhook: {}
people:
ANNA
  - {name: ben, shown: Ben Bolt, webhook: "{hook}/ben"}
schedules:
  - name: Primary DB
    zone: Europe/Berlin
    layers: [{people: [anna]}]
teams: [{name: db, people: [anna, ben]}]
escalations:
  - name: primary
    steps:
"""
#: Every way that there is.
ALL = """  - name: anna
    shown: Anna Alt
    phone: "PHONE"
    email: BOX
    slack: USER
    webhook: "{hook}/anna"
    zone: Europe/Berlin
"""
STEPS = """
notify: [{person: anna}]
wait: 5m
notify: [{person: ben}]
"""


@dataclass(frozen=True)
class Reached:
    """A tenant, and what Anna gets."""

    place: callbacks.Place
    tenant: Tenant
    phone: str
    box: str
    user: str
    token: str

    @property
    def providers(self) -> Any:
        return self.place.hall.providers

    def texts(self) -> list[str]:
        return [each["body"] for each in self.providers.twilio.messages(self.phone)]

    def letters(self) -> list[Received]:
        found: list[Received] = self.providers.mail.messages(self.box)
        return found

    def letter(self) -> str:
        """The text of the newest letter, as one line."""
        body = self.letters()[-1].parsed().get_body(("plain",))
        assert body is not None
        return " ".join(body.get_content().split())

    def chats(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.providers.slack.messages(self.user)
        return found

    def posts(self, name: str) -> list[dict[str, Any]]:
        """What the webhook of somebody got: Tocsin's own part."""
        dest = f"{self.tenant.dest}/{name}"
        return [call.body["incident"] for call in self.providers.ledger.calls(dest=dest)]

    def apply(
        self, anna: str = ALL, steps: str = STEPS, *, swap: tuple[str, str] = ("", "")
    ) -> None:
        """A policy in which Anna, and the escalation, are like this."""
        hall = self.place.hall
        text = POLICY.replace(*swap) + "".join(
            f"      - {line}\n" for line in steps.strip().splitlines()
        )
        for name, value in {
            "ANNA": anna.rstrip(), "ACCOUNT": self.providers.twilio.account,
            "TWILIO": self.providers.twilio_api, "PORT": str(self.providers.mail.port),
            "PHONE": self.phone, "BOX": self.box, "USER": self.user,
        }.items():  # fmt: skip
            text = text.replace(name, value)
        self.tenant.apply(text)
        hall.ring("reroute")

    def fire(self, name: str = "Disk", severity: str = "critical") -> None:
        escalating.fire(self.tenant, name, severity=severity)
        self.place.hall.settle()

    def until(self, clock: str) -> datetime:
        """Travel to the next time that the clocks in Berlin show this; returns it."""
        now = self.tenant.now.astimezone(ZoneInfo(BERLIN))
        hour, minute = map(int, clock.split(":"))
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        while then <= now:
            then += timedelta(days=1)
        self.place.hall.travel(then - self.tenant.now)
        return then

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.place.url}/api/v1/people{path}"
        return httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=10)

    def way(self, by: str) -> dict[str, Any]:
        """How a way of Anna stands."""
        ways = self.ask("GET", "/anna").json()["ways"]
        return dict(next(each for each in ways if each["by"] == by))


def made(place: callbacks.Place) -> Reached:
    hall: Hall = place.hall
    tenant = hall.tenant(None)
    secrets = {
        "TWILIO": hall.providers.twilio.token,
        "BOT": "xoxb-fake",
        "SIGNING": hall.providers.slack.signing_secret,
    }
    prefix = f"TOCSIN_SECRET_{tenant.slug.upper()}__"
    os.environ.update({prefix + name: value for name, value in secrets.items()})
    with hall.record.session([tenant.id]) as tx:
        token = tokens.create(tx, tenant.id, "ann's robot", ["read", "respond"])
    number = f"{tenant.id:06}"[-6:]
    return Reached(
        place,
        tenant,
        f"+49151{number}0",
        f"{tenant.slug}@people.example.org",
        f"U0P{number}",
        token,
    )
