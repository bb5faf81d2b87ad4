"""Every error is a problem document, and nobody's input makes a 500."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest

from tests.web.conftest import Someone, Web
from tocsin.config.settings import Settings
from tocsin.storage.record import Record
from tocsin.web import app, health


def is_problem(found: httpx.Response, status: int) -> dict[str, Any]:
    assert found.status_code == status, found.text
    assert found.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = found.json()
    assert {"type", "title", "status", "detail", "instance", "trace_id"} <= body.keys()
    assert body["status"] == status
    assert body["trace_id"] == found.headers["X-Trace-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", body["trace_id"])
    return body


def asked(built: Any, *paths: str, **options: Any) -> list[httpx.Response]:
    """Ask an application that is not served for all of these at once."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(built, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await asyncio.gather(*(client.get(path, **options) for path in paths))

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1", "/api/v1/", "/api/v1/alerts/", "/%00",
             "/api/v1/alerts/a/b", "/t/x", "/docs/", "/static/../../etc/passwd"],
)  # fmt: skip
def test_no_such_address(web: Web, path: str) -> None:
    body = is_problem(web.client.get(path), 404)
    assert "/docs" in body["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/v1/incidents", "GET, HEAD"),
        ("PUT", "/api/v1/silences", "GET, HEAD, POST"),
        ("PATCH", "/api/v1/silences/x", "DELETE, GET, HEAD, PUT"),
        ("GET", "/api/v1/incidents/x/ack", "POST"),
        ("DELETE", "/t/x/api/v1/alerts/y", "GET, HEAD"),
        ("POST", "/readyz", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_no_such_method(web: Web, method: str, path: str, allowed: str) -> None:
    found = web.client.request(method, path)
    is_problem(found, 405)
    assert found.headers["Allow"] == allowed


def test_the_callers_trace_goes_on(web: Web) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    found = web.client.get("/x", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert is_problem(found, 404)["trace_id"] == trace
    for bad in ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense", f"00-{trace}-x-01"):
        assert is_problem(web.client.get("/x", headers={"traceparent": bad}), 404)[
            "trace_id"
        ] not in (trace, "0" * 32)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xfe", "application/json"),
        (b"[" * 30_000, "application/json"),
        (b"{" + b'"a":' * 10_000, "application/json"),
        (b"1" * 5000, "application/json"),
        (b"matchers=a", "application/x-www-form-urlencoded"),
        (b"{}", "text/plain"),
        (b"{}", "application/json; charset=\xff"),
        (b"", "application/json"),
        (b"null", "application/json"),
        (b'{"matchers": {"a": 1}}', "application/json"),
    ],
)
def test_a_body_that_is_none(web: Web, someone: Someone, content: bytes, kind: str) -> None:
    found = web.client.post(
        "/api/v1/silences",
        content=content,
        headers=httpx.Headers({**someone.as_("respond"), "Content-Type": kind}, "latin-1"),
    )
    assert found.status_code in (400, 422)
    is_problem(found, found.status_code)


def test_a_body_that_is_too_large(web: Web, someone: Someone) -> None:
    content = json.dumps({"matchers": ["a=b"], "comment": "x" * 70_000}).encode()
    for body in (content, iter([content])):
        found = web.client.post(
            "/api/v1/silences",
            content=body,
            headers={**someone.as_("respond"), "Content-Type": "application/json"},
        )
        is_problem(found, 413)


def test_the_record_is_away(tmp_path: Any) -> None:
    gone = Record("postgresql://nobody@127.0.0.1:1/none")
    built = app.build(Settings(), gone, lambda actor, queue: None)
    try:
        healthy, home, ready, *others = asked(
            built, "/-/healthy", "/", "/-/ready", "/api/v1/alerts", "/metrics",
            headers={"Authorization": "Bearer toc_x"}, timeout=60,
        )  # fmt: skip
        for found in others:
            is_problem(found, 503)
            assert int(found.headers["Retry-After"]) > 0
        assert ready.status_code == 503
        assert "does not answer" in ready.json()["reasons"][0]
        assert healthy.text == "OK"
        assert "Not ready" in home.text
    finally:
        gone.close()


def test_a_mistake_of_ours(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> list[str]:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(health, "why_not", broken)
    built = app.build(Settings(), record, lambda actor, queue: None)
    [found] = asked(built, "/-/ready")
    body = is_problem(found, 500)
    assert "secret" not in found.text
    assert "trace id" in body["detail"]


def test_head_is_get_without_a_body(web: Web, someone: Someone) -> None:
    for path in ("/-/ready", "/-/healthy", "/healthz", "/livez", "/readyz", "/", "/docs"):
        found = web.client.head(path)
        assert (found.status_code, found.content) == (200, b"")
    found = web.client.head("/api/v1/alerts", headers=someone.as_("read"))
    assert (found.status_code, found.content) == (200, b"")
    assert int(found.headers["Content-Length"]) > 0
    assert web.client.head("/api/v1/alerts").status_code == 401


def test_headers_for_safety(web: Web) -> None:
    for path in ("/", "/docs", "/api/v1/alerts", "/nothing", "/-/ready"):
        headers = web.client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["Cache-Control"] == "no-store"
