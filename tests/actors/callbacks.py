"""A tenant that is told by Slack and SMS, and the web application to which both talk back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import httpx

import channels
from tests.actors.conftest import Hall, Tenant

ANNA = "+4915112345678"
POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
receivers:
  - name: ops
    slack:
      - channel: CHANNEL
        token_env: bot
        signing_secret_env: signing
        actions: ACTIONS
        api_url: SLACK
    sms:
      - account_sid: ACCOUNT
        token_env: twilio
        from: "+15005550006"
        to: "+4915112345678"
        api_url: TWILIO
people:
  - name: anna
    slack: U0ANNA
    phone: "+4915112345678"
"""


@dataclass(frozen=True)
class Place:
    """The web application on the record of the hall."""

    hall: Hall
    url: str
    rings: list[tuple[str, str]]

    def tenant(self, actions: str = "mapped") -> Line:
        made = self.hall.tenant(None)
        providers = self.hall.providers
        secrets = {
            "BOT": "xoxb-fake",
            "SIGNING": providers.slack.signing_secret,
            "TWILIO": providers.twilio.token,
        }
        prefix = f"TOCSIN_SECRET_{made.slug.upper()}__"
        os.environ.update({prefix + name: value for name, value in secrets.items()})
        channel = f"C0{made.slug.upper()}"
        text = POLICY
        for name, value in {"CHANNEL": channel, "ACTIONS": actions, "ACCOUNT":
                            providers.twilio.account, "TWILIO": providers.twilio_api,
                            "SLACK": providers.slack_api}.items():  # fmt: skip
            text = text.replace(name, value)
        made.apply(text)
        self.hall.ring("reroute")
        return Line(self, made, channel)


@dataclass(frozen=True)
class Line:
    """A tenant and its two ways of talking back."""

    place: Place
    tenant: Tenant
    channel: str

    def address(self, kind: str) -> str:
        """What a provider was given as our address."""
        base = self.place.hall.runtime.settings.public_url
        return f"{base}/t/{self.tenant.slug}/callbacks/{kind}"

    def text(self, body: str, sender: str = ANNA) -> str:
        twilio = self.place.hall.providers.twilio
        return twilio.text(self.address("sms/reply"), sender, body, base=self.place.url)

    def click(self, action: str, user: str = "U0ANNA", choice: int | None = None) -> httpx.Response:
        providers = self.place.hall.providers
        message = providers.slack.messages(self.channel)[-1]
        return providers.slack.click(
            f"{self.place.url}/t/{self.tenant.slug}/callbacks/slack/actions", self.channel,
            message["ts"], action, user, choice=choice, base=providers.url,
        )  # fmt: skip

    def whispered(self) -> str:
        """What the one who pressed last is told, once it is there."""
        whispers = self.place.hall.providers.slack.whispers
        until(lambda: whispers)
        return str(whispers.pop()["text"])

    def texts(self) -> list[dict[str, Any]]:
        """What this tenant has sent to the phone."""
        twilio = self.place.hall.providers.twilio
        mark = f"/t/{self.tenant.slug}/"
        return [each for each in twilio.messages(ANNA) if mark in each["status_callback"]]


@contextmanager
def standing(hall: Hall) -> Iterator[Place]:
    url, rings = hall.served
    rings.clear()
    with mock.patch.dict(os.environ):
        yield Place(hall, url, rings)
    # Its connections would otherwise outlive the fakes that they lead to.
    channels.http_client(hall.runtime.settings.egress_allow).close()
    channels.http_client.cache_clear()
    hall.providers.twilio.stopped.clear()
    hall.providers.twilio.bad.clear()
    hall.providers.slack.whispers.clear()


def until(true: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)
