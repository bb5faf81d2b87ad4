"""A service that notices when it is not called any more, as healthchecks.io and its like do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tocsin.demo.fakes import server


@dataclass(frozen=True)
class Ping:
    """One call, by the monotonic clock."""

    at: float
    method: str
    target: str
    body: bytes


class Snitch:
    """Any path is a check; GET, HEAD and POST are pings. 404 for a check that there is not."""

    def __init__(self, known: str = "/ping/") -> None:
        self.pings: list[Ping] = []
        self.status = 200
        self._known = known
        self._server = server.Server(self._answer)

    @property
    def url(self) -> str:
        """The address of a check, whose name is the secret."""
        return f"{self._server.url}{self._known}d7a1-secret"

    @property
    def address(self) -> str:
        return self._server.url

    def silent_for(self) -> float:
        """Seconds since the last ping; for ever where there was none."""
        return time.monotonic() - self.pings[-1].at if self.pings else float("inf")

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    async def _answer(self, request: server.Request) -> server.Reply:
        path = request.target.partition("?")[0]
        if request.method not in ("GET", "HEAD", "POST"):
            return server.Reply(405, b"method not allowed")
        if not path.startswith(self._known):
            return server.Reply(404, b"not found")
        if self.status != 200:
            return server.Reply(self.status, b"busy")
        self.pings.append(Ping(time.monotonic(), request.method, request.target, request.body))
        return server.Reply(200, b"OK")


@contextmanager
def listening(known: str = "/ping/") -> Iterator[Snitch]:
    """Such a service in a thread of this process."""
    with server.running(Snitch(known)) as snitch:
        yield snitch
