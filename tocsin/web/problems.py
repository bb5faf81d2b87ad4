"""Every error as RFC 9457 wants it, whatever raised it; bad input never ends in a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from schemas import api
from tocsin import errors
from tocsin.web import frame
from tocsin.web.dashboard import _failing
from tocsin.web.v2 import answers

MEDIA_TYPE = "application/problem+json"
#: Seconds after which asking again makes sense when the record is away.
RETRY_AFTER = "2"
#: The transaction was ended because it took too long: 25P03, 25P04, 57014.
TOO_SLOW = ("25P03", "25P04", "57014")
PHRASES = {
    404: "There is nothing at this address. See /docs for the addresses there are.",
    405: "This address does not take that method. See /docs.",
    413: "The body is over the limit of this API (64 KiB).",
}

log = structlog.get_logger(__name__)


def install(app: FastAPI) -> None:
    """Make this the only way in which the app speaks of errors."""
    app.add_exception_handler(errors.TocsinError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(UnicodeEncodeError, _half_a_character)
    app.add_exception_handler(Exception, _unforeseen)


def respond(
    request: Request, status: int, title: str, detail: str, *,
    found: Sequence[api.FieldProblem] = (), headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """The answer for one error. A 401 says how to authenticate, a 503 when to come back."""
    extra, trace = _headers(status, headers), trace_id(request)
    if answers.is_here(request):
        return answers.refused(request, status, detail, {**extra, "X-Trace-Id": trace})
    if _failing.is_page(request):
        extra["X-Trace-Id"] = trace
        return _failing.page(request, status, title, detail, trace, extra)
    problem = api.Problem(
        type="urn:tocsin:problem:" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-"),
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        trace_id=trace,
        errors=list(found),
    )
    body = problem.model_dump(mode="json", exclude={"errors"} if not found else None)
    # A 500 is answered outside of the frame that sets this header otherwise.
    extra["X-Trace-Id"] = trace
    # ASCII: half a character, which a request may hold, stays an escape.
    return Response(json.dumps(body).encode(), status, extra, MEDIA_TYPE)


def _headers(status: int, given: Mapping[str, str] | None = None) -> dict[str, str]:
    found = dict(given or {})
    if status == 401:
        found["WWW-Authenticate"] = 'Bearer realm="tocsin", Basic realm="tocsin"'
    if status == 503:
        found["Retry-After"] = RETRY_AFTER
    return found


def trace_id(request: Request) -> str:
    return str(getattr(request.state, "trace_id", "0" * 32))


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.TocsinError)
    if answers.is_here(request):
        return answers.raised(request, error, _headers(error.status))
    found: list[api.FieldProblem] = []
    if isinstance(error, errors.Invalid):
        found = [api.FieldProblem(pointer=at, detail=said) for at, said in error.problems]
    return respond(request, error.status, error.title, error.message, found=found)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, dict(error.headers or {})
    title = HTTPStatus(status).phrase.capitalize()
    detail = PHRASES.get(status, str(error.detail))
    if status == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return respond(request, status, title, detail, headers=headers)


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        api.FieldProblem(pointer=_pointer(item["loc"]), detail=_words(item))
        for item in error.errors()
    ]
    told = [f"{one.pointer}: {one.detail}" for one in found[:3]]
    if answers.is_here(request):
        return answers.invalid(request, error, told)
    detail = "; ".join(told)
    return respond(request, 422, "Request not valid", detail, found=found)


def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, psycopg.Error)
    if isinstance(error, psycopg.DataError):
        log.info("unstorable input", sqlstate=error.sqlstate)
        return respond(request, 400, "Bad request", "A value cannot be stored or compared.")
    away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if away or error.sqlstate in TOO_SLOW:
        log.warning("record away", sqlstate=error.sqlstate, error=type(error).__name__)
        known = errors.RecordAway()
        return respond(request, 503, known.title, known.message)
    return _unforeseen(request, error)


def _half_a_character(request: Request, error: Exception) -> Response:
    """JSON can write half of a surrogate pair; nothing that stores or compares text takes it."""
    return respond(
        request, 400, "Bad request", "A value holds half a character (a lone surrogate)."
    )


def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("unforeseen", path=frame.shown(request.url.path), exc_info=error)
    detail = "Tocsin made a mistake. The log has the rest under the trace id of this answer."
    return respond(request, 500, "Internal error", detail)


def _methods(request: Request) -> list[str]:
    """All methods of this address; Starlette names those of the first route only."""
    path = re.sub(r"^/t/[^/]+(?=/)", "", request.url.path)
    # Alerts are posted to the ingest, which stands before this application.
    found: set[str] = {"POST"} if path == "/api/v2/alerts" else set()
    for template, operations in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(path):
            found |= {method.upper() for method in operations}
    found = found or {"GET"}  # the aliases of the health checks
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _pointer(loc: Sequence[Any]) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in loc]
    if parts[:1] == ["body"]:
        return "#" + "".join(f"/{part}" for part in parts[1:])
    return "/".join(parts)


def _words(item: Mapping[str, Any]) -> str:
    if item["type"] == "json_invalid":
        return f"this is no JSON: {item['ctx']['error']}"
    return str(item["msg"]).removeprefix("Value error, ")
