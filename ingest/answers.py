"""What a sender hears: our own shape of success, and RFC 9457 problems."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from schemas.alert import Rejected
from tocsin import errors

#: A record that is away is usually back soon; Alertmanager keeps its own back-off anyhow.
RETRY_SECONDS = 2
Headers = tuple[tuple[bytes, bytes], ...]

_CHALLENGE: Headers = (
    (b"www-authenticate", b'Bearer realm="tocsin"'),
    (b"www-authenticate", b'Basic realm="tocsin"'),
)


class Answer(NamedTuple):
    """A response whose body is already bytes."""

    status: int
    body: bytes
    headers: Headers


def answer(status: int, body: bytes, content_type: bytes, more: Headers = ()) -> Answer:
    length = (b"content-length", b"%d" % len(body))
    kind = ((b"content-type", content_type),) if body else ()
    return Answer(status, body, (length, *kind, *more))


def document(status: int, content: Any) -> Answer:
    """Any content as JSON."""
    return answer(status, msgspec.json.encode(content), b"application/json")


EMPTY = answer(200, b"", b"")
OK = answer(200, b"OK", b"text/plain; charset=utf-8")


def accepted(alerts: int, rejected: list[Rejected]) -> Answer:
    """Our own 200: how many were accepted, and which were not, with field and reason."""
    refused = [
        {"index": each.index, "field": each.field, "reason": each.reason} for each in rejected
    ]
    return document(200, {"accepted": alerts, "rejected": refused})


def problem(error: errors.TocsinError) -> Answer:
    """The error as application/problem+json. It names no path: a path may hold a token."""
    content = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
    }
    return answer(error.status, msgspec.json.encode(content), b"application/problem+json")


def with_headers(plain: Answer, error: errors.TocsinError) -> Answer:
    """Add what belongs to the status: how to authenticate, when to come again, what is allowed."""
    more: Headers = ()
    if error.status == 401:
        more = _CHALLENGE
    elif error.status == 503:
        more = ((b"retry-after", b"%d" % RETRY_SECONDS),)
    elif error.status == 415:
        more = ((b"accept-encoding", b"gzip"),)
    elif error.status == 408:
        more = ((b"connection", b"close"),)
    elif isinstance(error, errors.MethodNotAllowed):
        more = ((b"allow", error.allow.encode()),)
    return plain._replace(headers=plain.headers + more)
