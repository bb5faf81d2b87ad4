"""Two tenants, each with something of every kind, and a word in it that only they may ever see."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.security import links
from tocsin.storage import policies
from tocsin.storage.record import Record

POLICY = """
# {canary}
route: {{receiver: ops}}
receivers:
  - name: ops
    webhook: [{{url: "https://hooks.example.org/{canary}"}}]
accounts: {{webhook: {{}}}}
people:
  - {{name: {name}, shown: "{canary}", webhook: "https://push.example.org/{canary}"}}
  - {{name: ben, webhook: "https://push.example.org/"}}
escalations: [{{name: {name}, steps: [{{notify: [{{person: {name}}}]}}]}}]
schedules: [{{name: {name}, layers: [{{people: [{name}]}}]}}]
"""


@dataclass
class Citizen:
    """A tenant: its tokens, the ids of what it has, and its word."""

    who: Someone
    canary: str
    name: str
    ids: dict[str, str]
    links: dict[str, str]
    cursors: dict[str, str]

    @property
    def tenant(self) -> int:
        return self.who.tenant

    def key(self, path: str) -> str:
        """The id that belongs into an address of the API or the pages."""
        parts = path.split("/")
        for noun, key in self.ids.items():
            # Alertmanager calls one of many by the singular.
            if noun in parts or (noun == "silences" and "silence" in parts):
                return key
        return self.name


class Founder:
    """Makes citizens on a served application."""

    def __init__(self, client: httpx.Client, record: Record, signer: links.Signer) -> None:
        self.client, self.record, self.signer = client, record, signer

    def found(self, who: Someone) -> Citizen:
        made = Citizen(who, f"canary{secrets.token_hex(8)}", f"n{secrets.token_hex(4)}", {}, {}, {})
        with self.record.session([who.tenant]) as tx:
            text = POLICY.format(canary=made.canary, name=made.name)
            policies.apply(tx, who.tenant, text, f"author {made.canary}")
            seeds.heartbeats_of(tx, who.tenant, made.name)
        for _ in range(2):
            self._story(made)
        for noun in ("silences", "maintenance"):
            for _ in range(2):
                made.ids[noun] = self._made(made, noun, {
                    "matchers": [f"host={made.canary}"], "duration": "1h", "comment": made.canary,
                    **({"name": made.canary} if noun == "maintenance" else {}),
                })  # fmt: skip
        made.ids["overrides"] = self._made(
            made, "oncall/overrides",
            {"schedule": made.name, "person": made.name, "duration": "1h", "note": made.canary},
        )  # fmt: skip
        made.ids["reports"] = self._made(made, "analytics/reports", {"kind": "daily"})
        for noun in ("alerts", "incidents", "deliveries", "silences", "maintenance"):
            made.cursors[noun] = str(self._asked(made, "GET", f"{noun}?limit=1")["next"])
        return made

    def _story(self, made: Citizen) -> None:
        story = seeds.story(self.record, made.tenant, host=made.canary)
        made.ids["further"] = made.ids.get("incidents", "")
        made.ids |= {
            "alerts": story.fingerprint, "incidents": str(story.incident),
            "deliveries": str(story.delivery), "groups": str(story.group),
        }  # fmt: skip
        made.links["token"] = self.signer.token(made.who.slug, story.delivery)
        with self.record.session([made.tenant]) as tx:
            tx.run("UPDATE incident SET title = %s", [made.canary])
            tx.run("UPDATE delivery SET destination = %s, person = %s", [made.canary, made.name])
            seeds.model(tx, made.tenant)
            if "storms" not in made.ids:
                made.ids["storms"] = str(seeds.storm(tx, made.tenant, story))

    def _made(self, made: Citizen, path: str, body: dict[str, Any]) -> str:
        return str(self._asked(made, "POST", path, json=body)["id"])

    def _asked(self, made: Citizen, method: str, path: str, **more: Any) -> dict[str, Any]:
        found = self.client.request(
            method, f"/api/v1/{path}", headers=made.who.as_("admin"), **more
        )
        assert found.status_code < 300, found.text
        return dict(found.json())
