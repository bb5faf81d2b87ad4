"""Templates over HTTP."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.channels import messages
from tests.conftest import Servers
from tests.web import seeds
from tests.web import servers as running
from tests.web.conftest import Someone, Web
from tocsin.config.settings import Settings
from tocsin.security import crypto
from tocsin.storage import policies
from tocsin.storage.record import Record
from tocsin.web import app

POLICY = """
route: {receiver: ops}
receivers: [{name: ops, locale: de-AT}, {name: oncall, locale: en-GB}]
templates:
  - name: hook
    channel: webhook
    parts: {body: '{"mine": {{ title }}}'}
  - name: page
    channel: slack
    type: first
    receivers: [oncall]
    parts: {text: "*{{ title }}*"}
"""


@pytest.fixture
def admin(record: Record, someone: Someone) -> dict[str, str]:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    return someone.as_("admin")


def preview(web: Web, admin: dict[str, str], **body: Any) -> httpx.Response:
    return web.client.post("/api/v1/templates/preview", json=body, headers=admin)


def test_the_templates_in_force(web: Web, admin: dict[str, str]) -> None:
    found = web.client.get("/api/v1/templates", headers=admin).json()["items"]
    assert [(each["name"], each["channel"], each["line"]) for each in found] == [
        ("hook", "webhook", 5), ("page", "slack", 8),
    ]  # fmt: skip
    assert found[1] == {
        "name": "page", "channel": "slack", "type": "first", "receivers": ["oncall"],
        "parts": ["text"], "line": 8,
    }  # fmt: skip


def test_what_the_policy_would_choose(web: Web, admin: dict[str, str]) -> None:
    shown = preview(web, admin, channel="slack").json()
    assert (shown["template"], shown["locale"], shown["problems"]) == ("page", "en-GB", [])
    assert shown["texts"] == {"text": "*DiskFull: disk of db-1 is full*"}
    assert "1 alert is firing" in shown["own"]["text"]
    other = preview(web, admin, channel="slack", type="resolved", receiver="ops").json()
    assert (other["template"], other["texts"], other["type"]) == (None, {}, "resolved")


def test_a_template_by_its_name(web: Web, admin: dict[str, str]) -> None:
    shown = preview(web, admin, channel="webhook", name="hook", type="repeat").json()
    assert shown["texts"] == {"body": '{"mine": "DiskFull: disk of db-1 is full"}'}
    missing = preview(web, admin, channel="webhook", name="hok")
    assert missing.status_code == 422
    assert "did you mean `hook`?" in missing.json()["detail"]


def test_parts_that_are_sent_along(web: Web, admin: dict[str, str]) -> None:
    shown = preview(web, admin, channel="slack", parts={"text": "{{ severity }} <{{ url|url }}|x>"})
    assert shown.json()["texts"]["text"].startswith("critical <https://tocsin.example.com/")


@pytest.mark.parametrize(
    ("parts", "part", "line", "said"),
    [
        ({"text": "a\n{{ titel }}"}, "text", 2, "did you mean `title`?"),
        ({"text": "<{{ title }}>"}, "text", 1, "address"),
        ({"text": "{{ firing + title }}"}, "text", 1, "unsupported operand"),
        ({"body": "x"}, "body", None, "is no part of it"),
        ({"text": "{{ say(key) }}"}, "text", 1, "there is no `key`"),
    ],
)
def test_problems_have_their_line(
    web: Web, admin: dict[str, str], parts: dict[str, str], part: str, line: int | None, said: str
) -> None:
    shown = preview(web, admin, channel="slack", parts=parts).json()
    [problem] = shown["problems"]
    assert (problem["part"], problem["line"]) == (part, line)
    assert said in problem["detail"]
    assert shown["texts"] == {}
    assert shown["own"]["text"]


@pytest.mark.parametrize(
    "body",
    [{"channel": "slck"}, {"channel": "slack", "name": "a", "parts": {}}, {"channel": "slack",
     "type": "frist"}, {"channel": "slack", "locale": "../x"}, {}],
)  # fmt: skip
def test_bad_requests(web: Web, admin: dict[str, str], body: dict[str, Any]) -> None:
    assert preview(web, admin, **body).status_code == 422


def test_only_admins(web: Web, someone: Someone) -> None:
    assert preview(web, someone.as_("respond"), channel="slack").status_code == 403
    assert web.client.get("/api/v1/templates", headers=someone.as_("read")).status_code == 403


def test_a_policy_whose_template_fails_on_a_sample_is_refused(web: Web, someone: Someone) -> None:
    document = POLICY.replace('"*{{ title }}*"', '"{{ firing + title }}"')
    checked = web.client.post(
        "/api/v1/policy/check", json={"document": document}, headers=someone.as_("admin")
    ).json()
    assert checked["valid"] is False
    [problem] = checked["problems"]
    assert problem["line"] == 8
    assert "tried on a sample of type `first`" in problem["detail"]


@pytest.fixture
def opening(record: Record, tmp_path: Path) -> Iterator[tuple[httpx.Client, crypto.Sealer]]:
    """An application that can open what is sealed."""
    key = tmp_path / "master.key"
    key.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    built = app.build(Settings(master_key_file=key), record, lambda actor, queue: None)
    with (
        running.serving(built) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client, crypto.from_file(key)


def test_the_newest_message_of_an_incident(
    opening: tuple[httpx.Client, crypto.Sealer], record: Record, someone: Someone, other: Someone,
    admin: dict[str, str], servers: Servers,
) -> None:  # fmt: skip
    client, sealer = opening
    story = seeds.story(record, someone.tenant, instance="db-1")
    with record.session([someone.tenant]) as tx:
        sealer.load(tx, someone.tenant)
        plain = messages.first(title="Real").model_dump_json().encode()
        sealed = sealer.seal(someone.tenant, plain)
    with psycopg.connect(servers.owner_url) as owner:
        owner.execute(
            "UPDATE notification SET message = %s WHERE id = %s", [sealed, story.notification]
        )
    body = {"channel": "webhook", "incident": str(story.incident)}
    shown = client.post("/api/v1/templates/preview", json=body, headers=admin)
    assert shown.json()["texts"] == {"body": '{"mine": "Real"}'}
    for incident, who in ((str(story.incident), other), ("nonsense", someone)):
        answer = client.post(
            "/api/v1/templates/preview",
            json={"channel": "webhook", "incident": incident},
            headers=who.as_("admin"),
        )
        assert answer.status_code == 404
