"""The pages for people, the OpenAPI document, and the log."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from tests.web.conftest import Someone, Web
from tocsin import logs
from tocsin.config.settings import Settings
from tocsin.storage.record import Record
from tocsin.web import app, openapi


def test_the_document_in_the_repository_is_this_one() -> None:
    built = app.build(Settings(), Record(""), lambda actor, queue: None)
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text(built), (
        "run: python -m tocsin.web.openapi"
    )


def test_the_document_is_served_and_whole(web: Web) -> None:
    document = web.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]
    assert "HTTPValidationError" not in text
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path


def test_pages_bring_everything_along(web: Web) -> None:
    for path in ("/", "/docs"):
        page = web.client.get(path)
        assert page.headers["Content-Type"].startswith("text/html")
        assert not re.search(r"<script|<link|<img|@import|url\(|<[^>]*\s(on\w+|style)=", page.text)
        assert "'sha256-" in page.headers["Content-Security-Policy"]


def test_docs_show_every_operation_with_an_example(web: Web) -> None:
    text = web.client.get("/docs").text
    document = web.client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        assert f"https://tocsin.test{path}" in text
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', text):
        assert target in ids


def test_the_home_page_knows_nobody(web: Web, someone: Someone) -> None:
    text = web.client.get("/", headers=someone.as_("admin")).text
    assert someone.slug not in text
    assert "Ready" in text


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    root = logging.getLogger()
    before, level, configured = root.handlers[:], root.level, structlog.get_config()
    logs.setup("info")
    yield written
    structlog.configure(**configured)
    root.handlers[:] = before
    root.setLevel(level)


def test_one_line_of_json_each(stream: io.StringIO) -> None:
    token = "toc_0123456789abcdef"
    log = structlog.get_logger("tocsin.test")
    with structlog.contextvars.bound_contextvars(trace_id="abc"):
        log.info("first\nline", tenant="a", token=token, nothing=None)
    log.debug("not shown")
    logging.getLogger("some.library").warning("url postgresql://u:pw@h/x Bearer %s", token)
    log.error("odd", deep={"password": "x", "list": [token]}, request_body="{}")
    try:
        raise ValueError(f"with {token}")
    except ValueError:
        log.exception("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["msg"] for line in lines] == [
        "first\nline", "url postgresql://***@h/x Bearer ***", "odd", "failed",
    ]  # fmt: skip
    assert list(lines[0])[:4] == ["ts", "level", "msg", "component"]
    assert lines[0]["trace_id"] == "abc"
    assert "nothing" not in lines[0]
    assert lines[1]["component"] == "some.library"
    assert lines[2]["deep"] == {"password": "***", "list": ["***"]}
    assert "ValueError" in lines[3]["exception"]
    assert token not in stream.getvalue()
    assert "pw" not in stream.getvalue()


def test_a_request_is_one_line(web: Web, someone: Someone, stream: io.StringIO) -> None:
    found = web.client.get("/api/v1/alerts?filter=a=b", headers=someone.as_("read"))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    [line] = [line for line in lines if line["msg"] == "request"]
    assert line["trace_id"] == found.headers["X-Trace-Id"]
    assert (line["path"], line["status"], line["tenant"]) == ("/api/v1/alerts", 200, someone.slug)
    assert someone.tokens["read"] not in stream.getvalue()
