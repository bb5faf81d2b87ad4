"""What one tenant tries so as to see or touch what is another's: made from the addresses there are.

Every operation of the OpenAPI document, every page and form of the dashboard, the ingest, links and
callbacks; with ids that are one's own, another's and nobody's, in the address, in front of it, in
bodies, headers, filters and cursors.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.tenants.crowd import Citizen
from tests.web import test_access as access
from tocsin import plugins
from tocsin.web import dashboard

SCOPES = ("ingest", "read", "respond", "admin", "revoked", "")
#: What a proxy or a careless program might believe.
BELIEVED = ("X-Tenant", "X-Tocsin-Tenant", "X-Scope-OrgID", "X-Forwarded-User", "X-Original-URL",
            "X-Tenant-Id", "Idempotency-Key", "X-Request-Id", "Tenant")  # fmt: skip
PARAMETERS = {
    (method.upper(), path): [each["name"] for each in operation.get("parameters", ())
                             if each["in"] == "query"]
    for path, methods in access.DOCUMENT["paths"].items() for method, operation in methods.items()
}  # fmt: skip


@dataclass(frozen=True)
class Try:
    """One request. `twin` is the same about what nobody has: the answers must be alike."""

    method: str
    path: str
    scope: str = ""
    place: str = "api"
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    body: Any = None
    twin: Try | None = None
    #: What the two name, so that it can be left out where they are compared.
    named: tuple[str, ...] = ()
    #: Statuses that prove that nothing was there to be had; empty: whatever, but nothing leaks.
    gone: frozenset[int] = frozenset()


def tries(me: Citizen, them: Citizen, scopes: tuple[str, ...] = SCOPES) -> Iterator[Try]:
    """All that `me` tries."""
    for scope in scopes:
        for operation in access.OPERATIONS:
            yield from _addressed(operation, me, them, scope)
    for operation in access.OPERATIONS:
        yield from _carried(operation, me, them)
    yield from _doors(me, them)
    for scope in ("read", "respond", "admin"):
        if scope in scopes:
            yield from _pages(me, them, scope)


def _filled(template: str, key: str) -> str:
    return re.sub(r"\{\w+\}", lambda _: key, template, count=1)


def _body(operation: access.Operation, me: Citizen) -> Any:
    if operation.path.endswith("/merge"):
        return {"from": [me.ids["further"]]}
    if operation.path.endswith("/split"):
        return {"groups": [me.ids["groups"]]}
    if operation.path.endswith("/promote"):
        return {"group": me.ids["groups"]}
    shape = re.sub(r"\{\w+\}", "*", operation.path.removeprefix("/api/v1/"))
    return access.BODIES.get(f"{operation.method} {shape}")


def _headers(operation: access.Operation) -> dict[str, str]:
    wants = operation.method == "PUT" or "rollback" in operation.path
    return {"If-Match": "*"} if wants else {}


def _made(
    operation: access.Operation, me: Citizen, path: str, scope: str, **more: Any
) -> Try:  # fmt: skip
    headers = {**_headers(operation), **more.pop("headers", {})}
    body = more.pop("body", _body(operation, me))
    return Try(operation.method, path, scope, headers=headers, body=body, **more)


def _may(operation: access.Operation, scope: str) -> bool:
    """Whether the token is good for this, so that only the id can be what is wrong."""
    order = ("read", "respond", "admin")
    return scope in order and order.index(scope) >= order.index(operation.scope)


def _addressed(
    operation: access.Operation, me: Citizen, them: Citizen, scope: str
) -> Iterator[Try]:
    """The id in the address, and the tenant in front of it."""
    template = operation.path
    mine = _filled(template, me.key(template))
    yield _made(operation, me, mine, scope)
    refused = frozenset((401, 403))
    nobody = _made(operation, me, f"/t/nobody{mine}", scope)
    yield _made(operation, me, f"/t/{them.who.slug}{mine}", scope, gone=refused, twin=nobody,
                named=(them.who.slug, "nobody"))  # fmt: skip
    if mine == template:
        return
    foreign, strange = them.key(template), str(uuid.uuid4())
    gone = frozenset((404,)) if _may(operation, scope) else refused
    yield _made(operation, me, _filled(template, foreign), scope, gone=gone,
                named=(foreign, strange),
                twin=_made(operation, me, _filled(template, strange), scope))  # fmt: skip
    yield _made(
        operation, me, f"/t/{them.who.slug}{_filled(template, foreign)}", scope, gone=refused
    )


def _carried(operation: access.Operation, me: Citizen, them: Citizen) -> Iterator[Try]:
    """The other tenant in headers, filters, cursors and bodies; with all rights here."""
    path = _filled(operation.path, me.key(operation.path))
    for value in (str(them.tenant), them.who.slug, *list(them.ids.values())[:1]):
        yield _made(operation, me, path, "admin", headers=dict.fromkeys(BELIEVED, value))
    for name in PARAMETERS.get((operation.method, operation.path), ()):
        for value in _values(name, them):
            yield _made(operation, me, path, "admin", params={name: value})
    yield _made(operation, me, path, "admin", params={"tenant": them.who.slug, "tenant_id": "1"})
    for body in _bent(_body(operation, me), them):
        yield _made(operation, me, path, "admin", body=body)


def _values(name: str, them: Citizen) -> list[str]:
    if name == "cursor":
        return list(them.cursors.values())
    return [them.name, *list(them.ids.values())[:3], f"host={them.name}"]


def _bent(body: Any, them: Citizen) -> Iterator[Any]:
    """The body with something of theirs at each place where a text stands, one at a time."""
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        for theirs in (them.name, *them.ids.values()):
            if isinstance(value, str):
                yield {**body, name: theirs}
            elif isinstance(value, list):
                yield {**body, name: [theirs]}
    yield {**body, "tenant": them.tenant, "tenant_id": them.tenant, "slug": them.who.slug}


def _doors(me: Citizen, them: Citizen) -> Iterator[Try]:
    """Ingest, links, callbacks, figures."""
    for scope in SCOPES:
        token = me.who.tokens.get(scope, "toc_nobody")
        for path in ("/webhooks/alertmanager", "/api/v2/alerts", "/api/v1/alerts"):
            there, nowhere = f"/t/{them.who.slug}{path}", f"/t/nobody{path}"
            yield Try("POST", there, scope, body=[], gone=frozenset((401, 403)),
                      twin=Try("POST", nowhere, scope, body=[]),
                      named=(them.who.slug, "nobody"))  # fmt: skip
            key = f"/i/{token}{path}"
            yield Try("POST", f"/t/{them.who.slug}{key}", body=[], gone=frozenset((401, 403)))
        yield Try("GET", "/metrics", scope)
        yield Try("GET", f"/t/{them.who.slug}/metrics", scope, gone=frozenset((401, 403)))
    mine, theirs = me.links["token"], them.links["token"]
    for method in ("GET", "POST", "HEAD"):
        for token in (theirs, theirs[:22] + mine[22:], mine[:22] + theirs[22:], f"{theirs}=="):
            yield Try(method, f"/t/{me.who.slug}/a/{token}", gone=frozenset((404, 410)),
                      twin=Try(method, f"/t/{me.who.slug}/a/{'A' * 43}"),
                      named=(token, "A" * 43))  # fmt: skip
    for channel in ("slack", "sms", "sendgrid", "webhook", "email"):
        for kind in ("actions", "reply", "receipt", "events"):
            there, nowhere = (f"/t/{slug}/callbacks/{channel}/{kind}"
                              for slug in (them.who.slug, "nobody"))  # fmt: skip
            yield Try("POST", there, body={}, gone=frozenset((404,)), named=(there, nowhere),
                      twin=Try("POST", nowhere, body={}))  # fmt: skip


#: Acts of the forms, which stand in their address.
ACTS = {"{act}": ("ack", "resolve", "handover", "snooze", "reopen", "unack")}


def _pages(me: Citizen, them: Citizen, scope: str) -> Iterator[Try]:
    """Every page and form of the dashboard."""
    for method, template in sorted(_routes()):
        path = template.replace("{act}", "{0}")
        for act in ACTS["{act}"] if "{act}" in template else ("",):
            here = path.replace("{0}", act)
            if "{" not in here:
                yield from _page(method, here, scope, them)
                continue
            strange = str(uuid.uuid4())
            foreign = them.key(here)
            form, other = (
                (_form(foreign), _form(strange)) if method == "POST" else (None, None)
            )  # fmt: skip
            twin = Try(method, _filled(here, strange), scope, "ui", body=other)
            yield Try(method, _filled(here, me.key(here)), scope, "ui", body=form)
            yield Try(method, _filled(here, foreign), scope, "ui", body=form,
                      named=(foreign, strange), gone=frozenset((403, 404)),
                      twin=twin)  # fmt: skip


def _page(method: str, path: str, scope: str, them: Citizen) -> Iterator[Try]:
    if method == "GET":
        yield Try(method, path, scope, "ui")
        for name in ("q", "after", "before", "integration", "destination", "schedule", "label"):
            yield Try(method, path, scope, "ui", params={name: them.name})
        for cursor in list(them.cursors.values())[:2]:
            yield Try(method, path, scope, "ui", params={"before": cursor, "after": cursor})
        return
    for theirs in (them.name, *them.ids.values()):
        yield Try(method, path, scope, "ui", body=_form(theirs))


def _form(theirs: str) -> dict[str, str]:
    chosen = {"ids": [theirs], "standing": "dead"}
    return {
        "pick": theirs, "one": theirs, "act": "retry", "schedule": theirs, "person": theirs,
        "to": theirs, "for": "30m", "filter": json.dumps(chosen), "confirm": theirs, "can": "1",
        "number": "1", "queue": theirs, "tab": "dead",
    }  # fmt: skip


def _routes() -> set[tuple[str, str]]:
    """Method and address of each page; the stream is tried by itself, and the door leads out."""
    found = set()
    for module in plugins.load(dashboard.__name__).values():
        for route in module.router.routes if hasattr(module, "router") else ():
            if not route.path.endswith(("/events", "out")):
                found |= {(method, f"/ui{route.path}") for method in route.methods}
    assert len(found) > 15
    return found
