"""Those who are paged: they read what reached them, and some of them act on it."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib import parse

import httpx

from tests.faults import world
from tests.faults.client import Client
from tocsin.demo.fakes import slack, twilio

#: A third of what is paged is acted upon, and a third of that twice.
ACTS, TWICE = 1 / 3, 1 / 3
#: How soon somebody looks at the phone.
SECONDS = (0.2, 5.0)
_CODE = re.compile(r"Reply 1 to acknowledge \(1 ([0-9A-F]{4}) ")
_LOOK_SECONDS = 0.2


class Ledger:
    """Reads on in the file of the fake providers."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0

    def news(self) -> Iterator[dict[str, Any]]:
        """What came since the last look."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield json.loads(line)


class People(threading.Thread):
    """Everybody who is paged. Who acts, and how, follows from the seed and what was told."""

    def __init__(
        self, client: Client, tenants: list[world.Tenant], ledger: Path, base: str, seed: int,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        super().__init__(name="people")
        self.over = threading.Event()
        self.acts = 0
        self._client, self._base, self._clock, self._seed = client, base, clock, seed
        self._tenants = tenants
        self._ledger = Ledger(ledger)
        self._todo: list[tuple[float, Callable[[], object]]] = []
        self._decided: set[str] = set()
        #: Incidents by tenant and by what a text calls them.
        self._codes: dict[tuple[int, str], str] = {}
        self._twilio = twilio.Twilio(clock, world.ACCOUNT, world.TWILIO_TOKEN)

    def run(self) -> None:
        while not self.over.wait(_LOOK_SECONDS):
            for entry in self._ledger.news():
                if entry["effect"]:
                    self._read(entry)
            due = [act for act in self._todo if act[0] <= time.monotonic()]
            self._todo = [act for act in self._todo if act not in due]
            for _, act in due:
                act()
                self.acts += 1

    def _read(self, entry: dict[str, Any]) -> None:
        reader = {"webhook": self._hook, "slack": self._message, "twilio": self._text}
        found = reader.get(entry["provider"])
        if found is not None:
            found(entry)

    def _hook(self, entry: dict[str, Any]) -> None:
        """A page by webhook has a link; some go to the dashboard instead."""
        incident = entry["body"].get("incident") or {}
        if not incident.get("act_url"):
            return
        tenant = self._tenant(entry["dest"])
        said = {"incident": incident["id"], "act": "ack", "who": entry["dest"].split("/")[-1]}
        url = incident["act_url"]
        self._perhaps(
            incident["title"], incident["id"],
            lambda: self._link(tenant, said, url), lambda: self._api(tenant, said),
        )  # fmt: skip

    def _message(self, entry: dict[str, Any]) -> None:
        body = entry["body"]
        if not isinstance(body, dict):
            return
        buttons = [each for block in body.get("blocks") or () for each in block.get("elements", ())]
        found = next((b for b in buttons if b.get("action_id") == "tocsin_acknowledge"), None)
        user = entry["dest"]
        if found is None or not user.startswith("U0"):
            return
        tenant = self._tenants[int(user[-1])]
        self._codes[tenant.number, found["value"][-4:].upper()] = found["value"]
        said = {"incident": found["value"], "act": "ack", "who": "dora"}
        self._perhaps(
            body.get("text", ""), found["value"], lambda: self._press(tenant, said, user, found)
        )

    def _text(self, entry: dict[str, Any]) -> None:
        if not isinstance(entry["body"], str):
            return
        text = dict(parse.parse_qsl(entry["body"])).get("Body", "")
        found = _CODE.search(text)
        if found is None:
            return
        phone = entry["dest"]
        tenant = next(t for t in self._tenants if t.people["emil"]["phone"] == phone)
        incident = self._codes.get((tenant.number, found[1]))
        if incident is not None:  # else nobody could say afterwards what was meant
            said = {"incident": incident, "code": found[1], "act": "ack", "who": "emil"}
            self._perhaps(text, f"sms {found[1]}", lambda: self._answer(tenant, said, phone))

    def _perhaps(self, told: str, key: str, *ways: Callable[[], object]) -> None:
        """Decide once about an incident, by what is told: the same seed decides the same."""
        if key in self._decided:
            return
        self._decided.add(key)
        chance = random.Random(f"{self._seed} {told.splitlines()[0] if told else ''}")
        if chance.random() >= ACTS:
            return
        way, due = chance.choice(ways), time.monotonic() + chance.uniform(*SECONDS)
        self._todo.append((due, way))
        if chance.random() < TWICE:
            self._todo.append((due + chance.uniform(0, 2), way))

    def _tenant(self, path: str) -> world.Tenant:
        return next(t for t in self._tenants if f"/{t.slug}/" in path)

    def _api(self, tenant: world.Tenant, said: dict[str, Any]) -> None:
        path = f"/api/v1/incidents/{said['incident']}/ack"
        self._client.call("act", tenant, {**said, "via": "api"}, "POST", path)

    def _link(self, tenant: world.Tenant, said: dict[str, Any], url: str) -> None:
        self._client.request(
            "act", tenant, {**said, "via": "link"},
            lambda: httpx.post(url, data={"act": "acknowledge"}, timeout=5, trust_env=False),
        )  # fmt: skip

    def _press(
        self, tenant: world.Tenant, said: dict[str, Any], user: str, button: dict[str, Any]
    ) -> None:
        hands = slack.Slack(self._clock)
        hands.signing_secret = tenant.slack_signing
        pressed = {name: button[name] for name in ("type", "action_id", "value")}
        payload = {
            "type": "block_actions", "user": {"id": user, "username": "dora"},
            "actions": [pressed], "trigger_id": str(self._clock()),
        }  # fmt: skip
        url = f"{self._base}/t/{tenant.slug}/callbacks/slack/actions"
        self._client.request(
            "act", tenant, {**said, "via": "slack"}, lambda: hands.interact(url, payload)
        )

    def _answer(self, tenant: world.Tenant, said: dict[str, Any], phone: str) -> None:
        url = f"{self._base}/t/{tenant.slug}/callbacks/sms/reply"
        fields = {
            "MessageSid": f"SM{random.Random(f'{self._clock()}').getrandbits(128):032x}",
            "From": phone, "To": world.FROM, "Body": f"1 {said['code']}",
            "AccountSid": world.ACCOUNT, "NumMedia": "0",
        }  # fmt: skip
        self._client.request(
            "act", tenant, {**said, "via": "sms"}, lambda: self._twilio.post(url, fields)
        )
