"""Live updates: one small stream for each page, which says what changed and never what it is."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tocsin import errors
from tocsin.security import sittings
from tocsin.storage import pulse
from tocsin.storage.record import Record
from tocsin.web import access
from tocsin.web.dashboard import viewers

router = APIRouter()

#: Seconds between two looks; between two checks that the session still holds; of the slow topic.
LOOK, CHECK, SLOW = 1.0, 15.0, 5.0
MOST, MOST_OF_TENANT = 200, 50
HELLO = "retry: 2000\nevent: hello\ndata: \n\n"


@dataclass
class Hub:
    """All streams of this process; those of one tenant share one look at the record a second."""

    record: Record
    open: Counter[int] = field(default_factory=Counter)
    _seen: dict[int, tuple[float, dict[str, str] | None]] = field(default_factory=dict)
    _looking: dict[int, asyncio.Lock] = field(default_factory=dict)
    #: Pages must not wait for threads that wait for a database that is away.
    _threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(4))

    def enter(self, tenant: int) -> None:
        """Raises RecordAway, which browsers answer by coming again, where too many listen."""
        if self.open.total() >= MOST or self.open[tenant] >= MOST_OF_TENANT:
            raise errors.RecordAway("too many pages listen already; this one shows no changes")
        self.open[tenant] += 1

    def leave(self, tenant: int) -> None:
        self.open[tenant] -= 1
        if not self.open[tenant]:
            del self.open[tenant]
            self._seen.pop(tenant, None)
            self._looking.pop(tenant, None)

    async def look(self, tenant: int) -> dict[str, str] | None:
        """The versions of the topics, at most a second old; None where the record is away."""
        async with self._looking.setdefault(tenant, asyncio.Lock()):
            at, seen = self._seen.get(tenant, (0.0, None))
            if time.monotonic() - at < LOOK * 0.9:
                return seen
            try:
                seen = await anyio.to_thread.run_sync(self._look, tenant, limiter=self._threads)
            except (errors.TocsinError, psycopg.Error):
                seen = None
            self._seen[tenant] = (time.monotonic(), seen)
            return seen

    async def holds(self, secret: str) -> bool:
        """Whether the session is still one; a record that is away is no reason to end it."""
        try:
            await anyio.to_thread.run_sync(self._hold, secret, limiter=self._threads)
        except errors.NotAuthenticated:
            return False
        except (errors.TocsinError, psycopg.Error):
            return True
        return True

    def _look(self, tenant: int) -> dict[str, str]:
        with self.record.session([tenant]) as tx:
            return pulse.look(tx, tenant)

    def _hold(self, secret: str) -> None:
        with self.record.claims() as tx:
            sittings.look_up(tx, secret)


@router.get("/events")
async def events(request: Request, record: access.Recorded, who: viewers.Seen) -> Response:
    """A stream of events `changed` whose data are topics: incidents, deliveries, workers."""
    return Listening(_hub(request, record), who.tenant, who.secret)


class Listening(StreamingResponse):
    """The stream of one page. It has its place while it is sent, and not a moment before.

    Who leaves before the first byte never starts what would be streamed: a place that is taken
    earlier, or given back in there, would be lost.
    """

    def __init__(self, hub: Hub, tenant: int, secret: str) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_tell(hub, tenant, secret), 200, headers, "text/event-stream")
        self.hub, self.tenant = hub, tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.hub.enter(self.tenant)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.hub.leave(self.tenant)


async def _tell(hub: Hub, tenant: int, secret: str) -> AsyncIterator[str]:
    yield HELLO
    known: dict[str, str] = {}
    checked = slow = time.monotonic()
    while not _leaving():
        seen = await hub.look(tenant)
        changed = [topic for topic, version in (seen or {}).items()
                   if known.get(topic, version) != version]  # fmt: skip
        known = seen or known
        now = time.monotonic()
        if now - slow >= SLOW:
            slow = now
            changed.append("workers")
        if changed:
            yield f"event: changed\ndata: {' '.join(changed)}\n\n"
        if now - checked >= CHECK:
            checked = now
            if not await hub.holds(secret):
                return
            yield ": still here\n\n"  # a reader that has gone is noticed by writing
        await asyncio.sleep(LOOK)


def _hub(request: Request, record: Record) -> Hub:
    state = request.app.state
    if not hasattr(state, "hub"):
        state.hub = Hub(record)
    assert isinstance(state.hub, Hub)
    return state.hub


def _leaving() -> bool:
    """Whether the server was told to stop: it waits for its streams before it tells the app."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
