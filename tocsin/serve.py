"""One application for one port: alerts that are posted go to the ingest, all else to the web."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import structlog

from ingest import app as ingest_app
from ingest import pings, routes
from tocsin import errors, logs
from tocsin.config import settings as configuration
from tocsin.config.settings import Settings
from tocsin.storage.record import Record
from tocsin.web import app as web_app
from workers import enqueue

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: Connections to the record for the API; the ingest has its own.
CONNECTIONS = 8


class Served:
    """Both applications and their common life."""

    def __init__(self, settings: Settings) -> None:
        bell = enqueue.bell(settings.redis_url)
        self._record = Record(settings.database_url, size=CONNECTIONS)
        self._ingest = ingest_app.build(settings)
        self._web = web_app.build(settings, self._record, bell.ring)
        self._posts = routes.table()
        self._life = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._is_posted(scope):
            await self._ingest(scope, receive, send)
        else:
            await self._web(scope, receive, send)

    def _is_posted(self, scope: Scope) -> bool:
        """Whether the ingest answers: a POST to a source, or any address with a key in it.

        The latter because the web would log the path.
        """
        if scope["type"] != "http":
            return False
        path = scope["path"]
        if path.startswith(pings.PREFIX):
            return True
        try:
            target = routes.find(self._posts, path)
        except errors.NotFound:
            return "/i/" in path
        return target.source is not None and (scope["method"] == "POST" or target.key is not None)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            if message["type"] != "lifespan.startup":
                continue
            try:
                await self._start()
            except errors.SetupError as error:
                await send({"type": "lifespan.startup.failed", "message": error.message})
                return
            await send({"type": "lifespan.startup.complete"})
        await self._life.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        self._life.callback(self._record.close)
        await self._life.enter_async_context(self._web.router.lifespan_context(self._web))
        await self._ingest.start()
        self._life.push_async_callback(self._ingest.stop)
        log.info("serving")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of this process; reads the environment at its first call, the start."""
    await _of_process()(scope, receive, send)


@functools.cache
def _of_process() -> Served:
    settings = configuration.load()
    logs.setup(settings.log_level)
    return Served(settings)
