"""Around every request: its trace id, one line in the log, headers for safety, and HEAD."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: W3C trace context, version 00: version, trace id, span id, flags. All zeroes are not valid.
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: The API knows no body that is larger, in bytes.
MAX_BODY = 64 * 1024
#: A provider posts more: Slack the whole message below which a button was pressed, each character
#: outside of ASCII in eight bytes.
CALLBACKS, MAX_CALLBACK = re.compile(r"/t/[^/]+/callbacks/"), 1024 * 1024
#: Who knows the token of a link in a page can act: it stands in no log.
LINK = re.compile(r"(/t/[^/]*/a/)[^ ?\"]*")
#: Probes come every second; their lines would drown the others.
QUIET = ("/-/", "/healthz", "/readyz", "/livez", "/metrics")

log = structlog.get_logger(__name__)


class Frame:
    """Pure ASGI, because Starlette's own base for middleware breaks context variables."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = trace_id(headers.get("traceparent", ""))
        state = scope.setdefault("state", {})
        state["trace_id"] = trace
        began, status, head = time.monotonic(), 500, scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET"}  # a copy: the server still has to know

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _complete(message, trace)
            elif head:
                message = {**message, "body": b""}
            await send(message)

        with structlog.contextvars.bound_contextvars(trace_id=trace):
            try:
                await self._app(scope, _bounded(receive, _limit(scope)), answer)
            finally:
                _note(scope, state, status, time.monotonic() - began)


def trace_id(traceparent: str) -> str:
    """The caller's trace id if the header is valid, else a new one: 32 hex digits."""
    found = TRACEPARENT.fullmatch(traceparent.strip())
    return found[1] if found else os.urandom(16).hex()


def shown(path: str) -> str:
    """The path as logs may have it."""
    return LINK.sub(r"\1...", path)


def without_token(record: logging.LogRecord) -> bool:
    """The same for the access log of the server, where that is on."""
    if isinstance(record.args, tuple):
        record.args = tuple(shown(each) if isinstance(each, str) else each for each in record.args)
    return True


def _limit(scope: Scope) -> int:
    return MAX_CALLBACK if CALLBACKS.match(scope["path"]) else MAX_BODY


def _bounded(receive: Receive, limit: int) -> Receive:
    """Stop reading where the body gets too long, whatever its Content-Length said."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413)
        return message

    return bounded


def _complete(message: Message, trace: str) -> None:
    headers = MutableHeaders(raw=message.setdefault("headers", []))
    headers["X-Trace-Id"] = trace
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def _note(scope: Scope, state: MutableMapping[str, Any], status: int, seconds: float) -> None:
    caller = state.get("caller")
    level = log.debug if scope["path"].startswith(QUIET) else log.info
    level(
        "request",
        method=scope["method"],
        path=shown(scope["path"]),
        status=status,
        ms=round(seconds * 1000, 1),
        tenant=caller.slug if caller else None,
    )
