"""How Alertmanager's API says that something is wrong: a plain string, or a code and a message."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from schemas import alertmanager as schema
from tocsin import errors

#: Below these addresses everything is answered as Alertmanager does.
HERE = re.compile(r"(?:/t/[^/]*)?/api/v2(?:/|$)")
JSON = "application/json"
#: The numbers that the original has for these mistakes.
_CODES = {"missing": (602, "{name} in {place} is required"),
          "too_short": (612, "{name} in {place} should have at least 1 items")}  # fmt: skip
_FAILURE: dict[str, Any] = {JSON: {"schema": schema.Failure.model_json_schema()}}
_EITHER: dict[str, Any] = {
    JSON: {"schema": {"anyOf": [{"type": "string"}, schema.Failure.model_json_schema()]}}
}
_SAID = {
    400: ("The request could not be understood.", _EITHER),
    401: ("There is no valid token with the request.", _FAILURE),
    403: ("The token may not do that.", _FAILURE),
    404: ("There is no such thing in this tenant.", _EITHER),
    413: ("The body is over the limit.", _FAILURE),
    415: ("The body is not said to be JSON.", _FAILURE),
    422: ("Something in the request is not valid.", _FAILURE),
    503: ("The record is away; ask again.", _FAILURE),
}


class Said(errors.TocsinError):
    """What the original answers with a string, or, where that is empty, without a body."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Coded(errors.TocsinError):
    """What it answers with a number of its own beside the words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Descriptions for the OpenAPI document: these answers, and those of every address."""
    return {
        status: {"description": _SAID[status][0], "content": _SAID[status][1]}
        for status in (*statuses, 401, 403, 503)
    }


def is_here(request: Request) -> bool:
    return HERE.match(request.url.path) is not None


def refused(request: Request, status: int, detail: str, headers: Mapping[str, str]) -> Response:
    """An error of the request as a whole, by code and message."""
    path = request.url.path
    if status == 404:
        detail = f"path {path} was not found"
    elif status == 405:
        allowed = headers.get("Allow", "").replace(", ", ",")
        detail = f"method {request.method} is not allowed, but [{allowed}] are"
    return _document(status, {"code": status, "message": detail}, headers)


def raised(request: Request, error: errors.TocsinError, headers: Mapping[str, str]) -> Response:
    """An error that we raised on purpose."""
    if isinstance(error, Coded):
        return _document(error.status, {"code": error.code, "message": error.message}, headers)
    if not isinstance(error, Said):
        return refused(request, error.status, error.message, headers)
    if not error.message:
        return Response(None, error.status, dict(headers))
    return _document(error.status, error.message, headers)


def invalid(request: Request, error: RequestValidationError, problems: Sequence[str]) -> Response:
    """A body or a parameter that has not the right form."""
    if (kind := _foreign(request)) is not None:
        told = f'unsupported media type "{kind}", only [{JSON}] are allowed'
        return refused(request, 415, told, {})
    found = error.errors()
    first = found[0]
    # As there, what has a wrong form is told before what is missing.
    if all(each["type"] in _CODES for each in found):
        code, text = _CODES[first["type"]]
        name = ".".join(map(str, first["loc"][1:])) or "silence"
        message = text.format(name=name, place=first["loc"][0])
        return _document(422, {"code": code, "message": message}, {})
    return refused(
        request, 400, f"parsing {first['loc'][0]} failed, because " + "; ".join(problems), {}
    )


def uuid_of(name: str, value: str) -> uuid.UUID:
    """An id of the path; raises Coded as the original does."""
    try:
        return uuid.UUID(value)
    except ValueError as error:
        said = f"{name} in path must be of type uuid: {json.dumps(value)}"
        raise Coded(422, 601, said) from error


def _foreign(request: Request) -> str | None:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
    return kind if kind and kind.lower() != JSON else None


def _document(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    # ASCII: half a character, which a request may hold, stays an escape.
    return Response(json.dumps(body).encode() + b"\n", status, dict(headers), JSON)
