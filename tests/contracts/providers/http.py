"""A provider that is spoken to over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.contracts import providers
from tocsin import errors
from tocsin.demo.fakes import server

_LATER, _NEVER = errors.Retryable, errors.Permanent
_DOUBTFUL = (500, 502, 504)
_STATUSES: tuple[tuple[int, type[errors.Retryable] | type[errors.Permanent], str], ...] = (
    (408, _LATER, "serverError"),
    (425, _LATER, "serverError"),
    (429, _LATER, "rateLimited"),
    (500, _LATER, "serverError"),
    (502, _LATER, "serverError"),
    (503, _LATER, "serverError"),
    (504, _LATER, "serverError"),
    (301, _NEVER, "clientError"),
    (302, _NEVER, "clientError"),
    (304, _NEVER, "clientError"),
    (307, _NEVER, "clientError"),
    (400, _NEVER, "clientError"),
    (401, _NEVER, "authError"),
    (403, _NEVER, "authError"),
    (404, _NEVER, "clientError"),
    (410, _NEVER, "clientError"),
    (418, _NEVER, "clientError"),
)
_ELSEWHERE = {"location": "http://127.0.0.1:1/"}

OUTCOMES = [
    providers.Outcome(
        str(status), server.Reply(status, b"canary-in-reply", _ELSEWHERE), kind, reason, status,
        in_doubt=status in _DOUBTFUL,
    )
    for status, kind, reason in _STATUSES
]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request; its text is its body, which must be JSON if it says so."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        if "json" in self.headers.get("content-type", ""):
            json.loads(self.body)
        return self.body.decode()


class Provider:
    """Answers every request with one reply."""

    trust = None
    trouble = server.Reply(500)

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self._reply = server.Reply()
        self._server = server.Server(self._answer)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def places(self) -> dict[str, str]:
        return {"base": self._server.url}

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def forget(self) -> None:
        self.requests.clear()

    def accept(self, accepted: Any) -> None:
        self._reply = server.Reply(200, json.dumps(accepted).encode())

    def answer(self, reply: server.Reply) -> None:
        self._reply = reply

    def misbehave(self, manner: server.Manner) -> None:
        self._reply = server.Reply(200, self._reply.body, {}, manner)

    async def _answer(self, request: server.Request) -> server.Reply:
        self.requests.append(Asked(request.target, request.headers, request.body))
        return self._reply
