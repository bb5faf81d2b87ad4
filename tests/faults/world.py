"""The tenants of a run: their policies, as documents and as plain data, and their secrets."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import channels
from tocsin.config import documents
from tocsin.security import tokens
from tocsin.storage import policies, tenants
from tocsin.storage.record import Record

SLUGS = ("north", "south", "west")
GROUP_BY = ["alertname"]
GROUP_WAIT, GROUP_INTERVAL, REPEAT_INTERVAL = 0.0, 2.0, 4 * 3600.0
#: Who is told by what kind of alert; the last takes the rest.
ROUTES: tuple[tuple[dict[str, str], str], ...] = (
    ({"job": "tocsin"}, "self"),
    ({"kind": "paged"}, "oncall"),
    ({"kind": "texted"}, "backup"),
    ({"kind": "chat"}, "room"),
    ({}, "ops"),
)
STEPS: dict[str, list[dict[str, Any]]] = {
    "primary": [
        {"notify": ["anna"]}, {"wait": 2.0}, {"notify": ["ben"]}, {"wait": 3.0},
        {"notify": ["carl"]}, {"wait": 2.0},
    ],
    "secondary": [
        {"notify": ["dora"]}, {"wait": 2.0}, {"notify": ["emil"]}, {"wait": 3.0},
        {"notify": ["anna"]}, {"wait": 2.0},
    ],
}  # fmt: skip
ACCOUNT, TWILIO_TOKEN, FROM = "AC" + "0" * 32, "f" * 32, "+15005550006"


@dataclass
class Tenant:
    """One tenant, with what only it may know."""

    number: int
    slug: str
    canary: str
    slack_token: str
    slack_signing: str
    hook_signing: str
    id: int = 0
    token: str = ""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    def hook(self, name: str) -> str:
        """The path of a webhook receiver of this tenant."""
        return f"/hook/{self.slug}/{name}"

    @property
    def room(self) -> str:
        """Its channel in Slack, by the id."""
        return f"C0{self.slug.upper()}"

    def plain(self) -> dict[str, Any]:
        """The policy in plain data, for the checker."""
        return {
            "group_by": GROUP_BY, "group_wait": GROUP_WAIT, "group_interval": GROUP_INTERVAL,
            "repeat_interval": REPEAT_INTERVAL, "people": self.people,
            "receivers": {
                "self": _told(hooks=[self.hook("self")]),
                "ops": _told(hooks=[self.hook("ops")]),
                "room": _told(slack=[self.room]),
                "oncall": _told(escalation="primary"),
                "backup": _told(escalation="secondary"),
            },
            "routes": [{"match": match, "receiver": name} for match, name in ROUTES],
            "escalations": {
                name: {"repeat": 0, "steps": steps} for name, steps in STEPS.items()
            },
        }  # fmt: skip

    def document(self, providers: str) -> str:
        """The same as the policy that is applied; ``providers`` is where their door is."""
        slack = {
            "token_file": "slack", "signing_secret_file": "slack-signing",
            "api_url": f"{providers}/api/",
        }  # fmt: skip
        hooks = {"signing_secret_file": "hook-signing"}
        route = {
            "receiver": ROUTES[-1][1], "group_by": GROUP_BY, "group_wait": _span(GROUP_WAIT),
            "group_interval": _span(GROUP_INTERVAL), "repeat_interval": _span(REPEAT_INTERVAL),
            "routes": [
                {"receiver": name, "matchers": [f'{key}="{value}"' for key, value in match.items()]}
                for match, name in ROUTES[:-1]
            ],
        }  # fmt: skip
        return yaml.safe_dump({
            # The checker knows each alert as told or not, and the load is what a storm would be.
            "storms": {"threshold": 0},
            "route": route,
            "receivers": [
                {"name": "self", "webhook": [{"url": providers + self.hook("self"), **hooks}]},
                {"name": "ops", "webhook": [{"url": providers + self.hook("ops"), **hooks}]},
                {"name": "room", "slack": [{"channel": self.room, **slack}]},
                {"name": "oncall", "escalation": "primary"},
                {"name": "backup", "escalation": "secondary"},
            ],
            "accounts": {
                "webhook": hooks, "slack": slack,
                "sms": {"account_sid": ACCOUNT, "token_file": "twilio", "from": FROM,
                        "api_url": f"{providers}/twilio"},
            },
            "people": [_person(name, ways, providers) for name, ways in self.people.items()],
            "escalations": [
                {"name": name, "steps": [_step(step) for step in steps]}
                for name, steps in STEPS.items()
            ],
        })  # fmt: skip


def draw(chance: random.Random) -> list[Tenant]:
    """The tenants of a seed: the same seed has the same canaries and secrets."""
    return [_tenant(number, slug, chance) for number, slug in enumerate(SLUGS)]


def settle(made: list[Tenant], record: Record, secrets: Path, providers: str) -> None:
    """Make them in a fresh installation, with their secrets and policies."""
    for tenant in made:
        folder = secrets / tenant.slug
        folder.mkdir(parents=True)
        (folder / "slack").write_text(tenant.slack_token)
        (folder / "slack-signing").write_text(tenant.slack_signing)
        (folder / "hook-signing").write_text(tenant.hook_signing)
        (folder / "twilio").write_text(TWILIO_TOKEN)
        with record.admin() as tx:
            tenant.id = tenants.create(tx, tenant.slug)
            tenant.token = tokens.create(tx, tenant.id, "bench", list(tokens.SCOPES))
        text = tenant.document(providers)
        documents.parse(text, channels.settings_models())
        with record.session([tenant.id]) as tx:
            policies.apply(tx, tenant.id, text, "bench")


def _tenant(number: int, slug: str, chance: random.Random) -> Tenant:
    return Tenant(
        number, slug,
        canary=chance.randbytes(16).hex(),
        slack_token=f"xoxb-{chance.randbytes(16).hex()}",
        slack_signing=chance.randbytes(16).hex(),
        hook_signing=f"whsec_{base64.b64encode(chance.randbytes(32)).decode()}",
        people=_people(number, slug),
    )  # fmt: skip


def _people(number: int, slug: str) -> dict[str, dict[str, Any]]:
    """Each has one way, so that it is plain by what they have to be told."""
    ways: dict[str, dict[str, str]] = {
        name: {"webhook": f"/hook/{slug}/{name}"} for name in ("anna", "ben", "carl")
    }
    ways["dora"] = {"slack": f"U0DORA{number}"}
    ways["emil"] = {"phone": f"+49151{number}0000001"}
    return {name: {**way, "ways": list(way)} for name, way in ways.items()}


def _person(name: str, ways: dict[str, Any], providers: str) -> dict[str, str]:
    hook = {"webhook": providers + ways["webhook"]} if "webhook" in ways else {}
    return {"name": name, **{way: ways[way] for way in ways["ways"]}, **hook}


def _step(step: dict[str, Any]) -> dict[str, Any]:
    if "wait" in step:
        return {"wait": _span(step["wait"])}
    return {"notify": [{"person": name} for name in step["notify"]]}


def _span(seconds: float) -> str:
    return f"{seconds:g}s"


def _told(**given: Any) -> dict[str, Any]:
    return {"escalation": "", "hooks": [], "slack": [], **given}
