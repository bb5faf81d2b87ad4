"""Who may see what: a matrix over every address of the OpenAPI document."""

from __future__ import annotations

import base64
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.config.settings import Settings
from tocsin.storage import policies
from tocsin.storage.record import Record
from tocsin.web import app, openapi

DOCUMENT = openapi.of(app.build(Settings(), Record(""), lambda actor, queue: None))
#: Which token just does not reach.
BELOW = {"read": "ingest", "respond": "read", "admin": "respond"}
NEW_SILENCE = {"matchers": ["a=b"], "duration": "1h", "comment": "c"}
V2_SILENCE = {
    "matchers": [{"name": "a", "value": "b", "isRegex": False}], "comment": "c", "createdBy": "ann",
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": (datetime.now(UTC) + timedelta(hours=12)).isoformat(),
}  # fmt: skip
POLICY = """
route: {}
accounts: {webhook: {}, email: {host: mail.example.org, from: t@example.org}}
people:
  - {name: anna, webhook: "https://push.example.org/"}
  - {name: ben, email: ben@example.org}
escalations: [{name: primary, steps: [{notify: [{person: anna}]}]}]
schedules: [{name: primary, layers: [{people: [anna]}]}]
"""
#: What an operation wants to be sent; `*` where an id stands.
BODIES: dict[str, Any] = {
    "POST silences": NEW_SILENCE,
    "PUT silences/*": NEW_SILENCE,
    "POST silences/preview": NEW_SILENCE,
    "POST silences/expire": {"comment": "c"},
    "POST maintenance": {**NEW_SILENCE, "name": "Upgrade"},
    "POST maintenance/preview": {**NEW_SILENCE, "name": "Upgrade"},
    "POST escalations/*/preview": {"severity": "critical"},
    "POST people/*/preview": {},
    "POST people/*/test": {},
    "POST people/*/verify": {"by": "webhook", "code": "012345"},
    "PUT policy": {"document": POLICY},
    "POST policy/check": {"document": POLICY},
    "POST policy/diff": {"document": POLICY},
    "POST policy/import": {"format": "alertmanager", "document": "route: {receiver: a}"},
    "POST templates/preview": {"channel": "slack", "parts": {"text": "{{ title }}"}},
    "POST deliveries/retry": {"filter": {}, "dry_run": True},
    "POST deliveries/drop": {"filter": {}, "dry_run": True, "reason": "r"},
    "POST policy/rollback": {"version": 1},
    "POST incidents/*/handover": {"to": "ben"},
    "POST incidents/*/snooze": {"for": "30m"},
    "POST oncall/overrides": {"schedule": "primary", "person": "anna", "duration": "1h"},
    "POST heartbeats/*/ping": {"kind": "success"},
    "POST models/rollback": {"version": 1},
    "POST alerts/*/feedback": {"verdict": "noise"},
    "POST analytics/reports": {"kind": "weekly"},
    "POST /api/v2/silences": V2_SILENCE,
    "POST sources/preview": {"source": {"name": "a", "alertname": "body.a"}, "body": {"a": "b"}},
}


class Operation(NamedTuple):
    method: str
    path: str
    scope: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _scope(operation: dict[str, Any]) -> str:
    [scope] = {scope for one in operation["security"] for found in one.values() for scope in found}
    return str(scope)


OPERATIONS = [
    Operation(method.upper(), path, _scope(operation))
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if path.startswith("/api/")
]
WITH_ID = [operation for operation in OPERATIONS if "{" in operation.path]


def call(
    web: Web, operation: Operation, key: str, token: str | None, prefix: str = ""
) -> tuple[int, dict[str, Any]]:
    path = operation.path
    shape = re.sub(r"\{\w+\}", "*", path.removeprefix("/api/v1/"))
    headers = {"If-Match": "*"} if operation.method == "PUT" or "rollback" in path else {}
    if "{" in path:
        head, _, tail = path.partition("{")
        path = head + key + tail.partition("}")[2]
    found = web.client.request(
        operation.method,
        prefix + path,
        headers={"Authorization": f"Bearer {token}", **headers} if token else headers,
        json=BODIES.get(f"{operation.method} {shape}"),
    )
    if path.startswith("/api/v2/"):
        return found.status_code, _v2(found)
    if found.status_code >= 400:
        assert found.headers["Content-Type"] == "application/problem+json"
        assert found.json()["status"] == found.status_code
        assert found.json()["trace_id"] == found.headers["X-Trace-Id"]
    plain = found.headers["Content-Type"].partition(";")[0] == "text/calendar"
    return found.status_code, {} if plain else found.json()


def _v2(found: httpx.Response) -> dict[str, Any]:
    """Alertmanager's shapes; nothing at all where it says nothing."""
    said = found.json() if found.content else {}
    if found.status_code in (401, 403):
        assert said.keys() == {"code", "message"}
    return {"said": said}


def key_of(story: seeds.Story, made: dict[str, str], operation: Operation) -> str:
    parts = operation.path.split("/")
    return str({
        "alerts": story.fingerprint, "incidents": story.incident, "deliveries": story.delivery,
        **made, "silence": made["silences"],
        "oncall": made["overrides"] if "overrides" in parts else "primary",
        "escalations": "primary", "people": "anna", "heartbeats": "backup",
    }.get(parts[3], "x"))  # fmt: skip


@pytest.fixture
def owned(web: Web, someone: Someone, record: Record) -> Owned:
    made = {}
    for noun in ("silences", "maintenance"):
        found = web.client.post(
            f"/api/v1/{noun}", json=BODIES[f"POST {noun}"], headers=someone.as_("respond")
        )
        made[noun] = found.json()["id"]
    report = web.client.post(
        "/api/v1/analytics/reports", json={"kind": "daily"}, headers=someone.as_("admin")
    )
    made["analytics"] = report.json()["id"]
    story, another = (seeds.story(record, someone.tenant) for _ in range(2))
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    found = web.client.post(
        "/api/v1/oncall/overrides", json=BODIES["POST oncall/overrides"],
        headers=someone.as_("respond"),
    )  # fmt: skip
    made["overrides"] = found.json()["id"]
    with record.session([someone.tenant]) as tx:
        seeds.model(tx, someone.tenant)
        seeds.heartbeats_of(tx, someone.tenant, "backup")
        part = seeds.part(tx, someone.tenant, story.incident)
        made["storms"] = str(seeds.storm(tx, someone.tenant, story))
        seeds.code(tx, someone.tenant, "anna", "webhook", "https://push.example.org/", "012345")
    # Merge and split name what this fixture has made.
    BODIES["POST incidents/*/merge"] = {"from": [str(another.incident)]}
    BODIES["POST incidents/*/split"] = {"groups": [str(part)]}
    BODIES["POST storms/*/promote"] = {"group": str(story.group)}
    return story, made


Owned = tuple[seeds.Story, dict[str, str]]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_the_matrix(
    web: Web, someone: Someone, other: Someone, owned: Owned, operation: Operation
) -> None:
    key, fitting = key_of(*owned, operation), someone.tokens[operation.scope]
    below = BELOW[operation.scope]
    statuses = {
        "no token": call(web, operation, key, None)[0],
        "nonsense": call(web, operation, key, "toc_nonsense")[0],
        "revoked": call(web, operation, key, someone.tokens["revoked"])[0],
        "one scope too little": call(web, operation, key, someone.tokens[below])[0],
        "ingest only": call(web, operation, key, someone.tokens["ingest"])[0],
        "another's address": call(web, operation, key, fitting, f"/t/{other.slug}")[0],
        "nobody's address": call(web, operation, key, fitting, "/t/nobody")[0],
        "the other's token here": call(
            web, operation, key, other.tokens["admin"], f"/t/{someone.slug}"
        )[0],
        "no token at a tenant": call(web, operation, key, None, f"/t/{someone.slug}")[0],
    }
    assert statuses == {
        "no token": 401,
        "nonsense": 401,
        "revoked": 401,
        "one scope too little": 403,
        "ingest only": 403,
        "another's address": 403,
        "nobody's address": 403,
        "the other's token here": 403,
        "no token at a tenant": 401,
    }
    assert call(web, operation, key, fitting, f"/t/{someone.slug}")[0] < 300
    assert call(web, operation, key, someone.tokens["admin"])[0] < 300 or (
        operation.path.endswith(("/retry", "/split", "/test"))
    )


@pytest.mark.parametrize("operation", WITH_ID, ids=str)
def test_what_is_anothers_does_not_exist(
    web: Web, other: Someone, owned: Owned, operation: Operation
) -> None:
    foreign = call(web, operation, key_of(*owned, operation), other.tokens["admin"])
    strange = str(uuid.uuid4())
    unknown = call(web, operation, strange, other.tokens["admin"])
    broken = call(web, operation, "%00'--", other.tokens["admin"])
    assert foreign[0] == unknown[0] == 404
    if operation.path.startswith("/api/v2/"):
        assert broken[0] == 422
        assert foreign[1] == unknown[1]
        assert web.rings == []
        return
    assert broken[0] == 404
    key = key_of(*owned, operation)
    for body, text in ((foreign[1], key), (unknown[1], strange)):
        assert body.pop("trace_id")
        assert body.pop("instance")
        body["detail"] = body["detail"].replace(text, "ID")
    assert foreign[1] == unknown[1]
    assert web.rings == []


def test_whether_a_tenant_exists_is_not_told(web: Web, someone: Someone, other: Someone) -> None:
    texts = {
        web.client.get(f"/t/{slug}/api/v1/alerts", headers=someone.as_("read")).json()["detail"]
        for slug in (other.slug, "nobody", "x" * 300, "%00", "%2e%2e")
    }
    assert len(texts) == 1


@pytest.mark.parametrize("path", ["alerts", "incidents", "deliveries", "silences", "maintenance"])
def test_a_cursor_is_good_for_one_list_of_one_tenant(
    web: Web, someone: Someone, other: Someone, record: Record, path: str
) -> None:
    for who in (someone, other):
        for _ in range(2):
            seeds.story(record, who.tenant)
            for noun in ("silences", "maintenance"):
                body = BODIES[f"POST {noun}"]
                web.client.post(f"/api/v1/{noun}", json=body, headers=who.as_("respond"))

    def page(who: Someone, **params: str) -> tuple[int, dict[str, Any]]:
        found = web.client.get(
            f"/api/v1/{path}", params={"limit": "1", **params}, headers=who.as_("read")
        )
        return found.status_code, found.json()

    cursor = page(someone)[1]["next"]
    assert page(someone, cursor=cursor)[0] == 200
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert str(other.tenant).encode() not in raw[:1]
    bent = {
        "another tenant": page(other, cursor=cursor)[0],
        "other filters": page(someone, cursor=cursor, state="all", status="firing")[0],
        "cut": page(someone, cursor=cursor[:-4])[0],
        "not base64": page(someone, cursor="!!!!")[0],
        "no json": page(someone, cursor="AAAA")[0],
        "no list": page(someone, cursor=_encoded(b"{}"))[0],
        "numbers": page(someone, cursor=_encoded(raw[:19] + b",1]"))[0],
        "no key": page(someone, cursor=_encoded(raw.replace(b"-", b"x")))[0],
        "NUL": page(someone, cursor=_encoded(raw[:-2] + b'\\u0000"]'))[0],
        "deep": page(someone, cursor=_encoded(b"[" * 600))[0],
    }
    assert set(bent.values()) <= {400, 422}, bent
    assert bent["another tenant"] == 400


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_header_that_is_no_authentication(web: Web, someone: Someone) -> None:
    token = someone.tokens["read"]
    for header in (
        *("", "Bearer", f"Token {token}", "Basic !!!", "Basic " + _encoded(b"x"), token),
        *(f"Bearer  {token}x", f"bearer {token[:-1]}", "Bearer " + "x" * 5000),
    ):
        found = web.client.get("/api/v1/alerts", headers={"Authorization": header})
        assert found.status_code == 401, header
        assert "Bearer" in found.headers["WWW-Authenticate"]
        assert found.headers["Content-Type"] == "application/problem+json"
    assert web.client.get(
        "/api/v1/alerts", headers={"Authorization": f"bearer {token}"}
    ).status_code == 200  # fmt: skip
