"""The endpoint that takes alerts in: a 2xx means that they are committed to the record."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from ingest import access, answers, bodies, means, pings, pressure, routes, sealing, vital
from ingest.clock import Clock
from ingest.flusher import Entry, Flusher
from ingest.ringer import Ringer
from tocsin import errors, logs
from tocsin.config import settings as configuration
from tocsin.config.settings import Settings
from tocsin.security import crypto, tokens
from tocsin.security import pings as keys
from tocsin.storage.record import AsyncRecord

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Ring = Callable[[], object]

#: Larger bodies are read in a thread, so that small requests are not held up.
_THREAD_FROM = 256 * 1024
#: Version, trace, parent and flags of https://www.w3.org/TR/trace-context/; all zeros is invalid.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_KEY = re.compile(r"(/(?:i|ping)/)[^/\s?]+")


class Ingest:
    """An ASGI application. Whoever mounts it below another calls `start` and `stop` itself."""

    def __init__(self, settings: Settings, ring: Ring, http: httpx.Client | None = None) -> None:
        self._settings, self._ring, self._http_out = settings, ring, http
        self._routes = routes.table()

    async def __call__(self, scope: Scope, receive: bodies.Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def start(self) -> None:
        """Start the tasks. Raises SetupError; a record that is away is no error, only not ready."""
        if not self._settings.database_url:
            raise errors.SetupError("DATABASE_URL is not set; `tocsin up` sets it")
        key_file = self._settings.master_key_file
        sealer = crypto.from_file(key_file)
        assert key_file is not None
        url, clock = self._settings.database_url, Clock()
        self._sealer, self._clock, self._room = sealer, clock, bodies.Room()
        self._records = AsyncRecord(url), AsyncRecord(url)
        self._ringer = Ringer(self._ring)
        self._callers = callers = access.Callers(self._records[0], sealer, clock)
        least_free = self._settings.least_free_mb * 1024 * 1024
        self._pressure = pressure.Pressure(
            self._settings.home, least_free, self._settings.behind_seconds
        )
        self._flusher = flusher = Flusher(self._records[1], clock, self._ringer, self._pressure)
        signer = keys.Signer(crypto.master_key(key_file))
        self._pings = pinged = pings.Pings(url, sealer, signer)
        self._large = asyncio.Semaphore(1)
        self._means = means.Means(self._settings, self._http_out)
        logging.getLogger("uvicorn.access").addFilter(_without_key)
        await flusher.probe()
        self._tasks = (
            vital.start("flusher", flusher.run(), lambda: flusher.stopping),
            vital.start("look-up of tokens", callers.run(), lambda: callers.stopping),
            vital.start("writer of heartbeats", pinged.run(), lambda: pinged.stopping),
        )

    async def stop(self) -> None:
        """Write what waits, ring for it, end."""
        self._flusher.stop()
        self._callers.stop()
        self._pings.stop()
        await asyncio.wait(self._tasks, timeout=2 * access.PATIENCE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._ringer.stop)
        await self._means.close()
        await self._pings.close()
        for record in self._records:
            await record.close()

    async def _lifespan(self, receive: bodies.Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except errors.SetupError as error:
                    await send({"type": "lifespan.startup.failed", "message": error.message})
                    return
                await send({"type": "lifespan.startup.complete"})
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: bodies.Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except bodies.Disconnected:
            return
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: bodies.Receive) -> answers.Answer:
        refused: Callable[[errors.TocsinError], answers.Answer] = answers.problem
        try:
            if scope["path"].startswith(pings.PREFIX):
                return await self._pings.answer(scope, receive)
            target = routes.find(self._routes, scope["path"])
            if target.source is None:
                return self._health(target.name, scope["method"])
            refused = getattr(target.source, "refused", refused)
            if scope["method"] != "POST":
                raise errors.MethodNotAllowed("POST")
            with bodies.Claim(self._room) as claim:
                return await self._take_in(target, scope["headers"], receive, claim)
        except errors.TocsinError as error:
            return answers.with_headers(refused(error), error)
        except bodies.Disconnected:
            raise
        except Exception:
            log.exception("a request failed")
            return refused(errors.TocsinError())

    def _health(self, name: str, method: str) -> answers.Answer:
        if method not in ("GET", "HEAD"):
            raise errors.MethodNotAllowed("GET, HEAD")
        if name == "/-/ready" and not self._flusher.ready:
            raise errors.RecordAway
        return answers.OK

    async def _take_in(
        self, target: routes.Target, headers: list[tuple[bytes, bytes]], receive: bodies.Receive,
        claim: bodies.Claim,
    ) -> answers.Answer:  # fmt: skip
        """Token, then body, then commit: what may not come in is not read."""
        if self._flusher.away:
            raise errors.RecordAway
        self._pressure.check()
        given = access.credentials(headers, target.key)
        caller = await self._callers.find(given.token)
        access.check(caller, given, target.tenant)
        fields = dict(headers)
        body = await bodies.read(fields, receive, claim)
        parse = await self._admitted(target, caller, fields, body)
        work = functools.partial(
            self._prepare, target, parse, caller.tenant, body, _traceparent(fields)
        )
        if len(body) < getattr(target.source, "THREAD_FROM", _THREAD_FROM):
            entry, answer = work()
        else:
            async with self._large:
                entry, answer = await asyncio.to_thread(work)
        if entry.accepted or entry.refused:
            await self._flusher.store(entry)
        return answer

    async def _admitted(
        self, target: routes.Target, caller: tokens.Caller, fields: Mapping[bytes, bytes],
        body: bytes,
    ) -> means.Parse:  # fmt: skip
        """How to read the body, once the source found that its sender may say what it says."""
        source = target.source
        assert source is not None
        if hasattr(source, "admit"):
            call = means.Call(
                caller.tenant, caller.slug, target.item, fields, self._clock.now(), self._means
            )
            chosen: means.Parse = await source.admit(call, body)
            return chosen
        parse: means.Parse = source.parse
        return parse

    def _prepare(
        self, target: routes.Target, parse: means.Parse, tenant: int, body: bytes,
        traceparent: str | None,
    ) -> tuple[Entry, answers.Answer]:  # fmt: skip
        """What to store, and what to say once it is stored."""
        source = target.source
        assert source is not None
        now, timeout = self._clock.now(), self._settings.resolve_timeout_seconds
        parsed = parse(body, now, timeout)
        entry = sealing.entry(
            self._sealer, tenant, target.called, parsed.alerts, parsed.rejected, traceparent
        )
        if hasattr(source, "accepted"):
            return entry, source.accepted(parsed)
        return entry, answers.accepted(len(parsed.alerts), parsed.rejected)


def build(settings: Settings, ring: Ring | None = None, http: httpx.Client | None = None) -> Ingest:
    """The application; `ring` tells the pipeline that there is work (default: through Redis).

    `http` is how senders' certificates are fetched (default: the guarded way out).
    """
    return Ingest(settings, ring or _bell(settings), http)


async def app(scope: Scope, receive: bodies.Receive, send: Send) -> None:
    """The application of this process, for a server to import; reads the environment when run."""
    await _of_process()(scope, receive, send)


@functools.cache
def _of_process() -> Ingest:
    settings = configuration.load()
    logs.setup(settings.log_level)
    return build(settings)


def _bell(settings: Settings) -> Ring:
    def ring() -> object:
        # Late, in the thread of the ringer: the first request need not wait for Redis's library.
        from workers import enqueue, queues

        queue = queues.of_stages(settings.stage_queues)["dedup"]
        return enqueue.bell(settings.redis_url).ring("dedup", queue)

    return ring


def _traceparent(headers: Mapping[bytes, bytes]) -> str | None:
    given = headers.get(b"traceparent", b"").strip()
    return given.decode() if _TRACEPARENT.fullmatch(given) else None


def _without_key(record: logging.LogRecord) -> bool:
    """Keep the key of an integration's address out of the server's access log."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            _KEY.sub(r"\1...", each) if isinstance(each, str) else each for each in record.args
        )
    return True
