"""A small HTTP/1.1 server that can also break off, stall and babble as real providers do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

#: plain: as it should be. cut: reset without a word. hang: silence. The others: see faults.
Manner = Literal["plain", "cut", "hang", "drip", "huge", "short"]

_HEAD_BYTES = 64 * 1024
_BODY_BYTES = 64 * 1024 * 1024
_DRIP_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    """A request; names of headers in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Reply:
    """What to answer, and in what manner."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = "plain"


Handler = Callable[[Request], Coroutine[None, None, Reply]]


class Server:
    """Serves ``handler`` on 127.0.0.1; port 0 takes a free one; with ``context`` by TLS."""

    def __init__(
        self, handler: Handler, port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        self._handler, self._context = handler, context
        self._wanted_port = port
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; ``port`` is known afterwards."""
        self._server = await asyncio.start_server(
            self._accepted, "127.0.0.1", self._wanted_port, limit=_HEAD_BYTES, backlog=1024,
            ssl=self._context,
        )  # fmt: skip
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the door and break off what is still open."""
        if self._server:
            # First deaf, then closed: a connection that is just being accepted would be leaked.
            for door in self._server.sockets:
                asyncio.get_running_loop().remove_reader(door.fileno())
            await _settle()
            self._server.close()
        still_open = dict(self._open)
        for task, writer in still_open.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*still_open, return_exceptions=True)
        await _settle()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Not a coroutine: one that is cancelled before its first step would close nothing."""
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A peer that goes away, or talks nonsense, is every day's work for a fake provider.
        with contextlib.suppress(OSError, EOFError, ValueError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await _read(reader)
        if request is None:
            return False
        reply = await self._handler(request)
        if reply.manner == "plain":
            writer.write(_head(reply, len(reply.body)) + reply.body)
            await writer.drain()
            return request.headers.get("connection", "").lower() != "close"
        await _misbehave(reply, writer)
        return False


async def _settle() -> None:
    """Let the loop finish what it has begun: to accept and to close takes it a few turns."""
    for _ in range(10):
        await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length") or 0)
    if length > _BODY_BYTES:
        return None
    return Request(method, target, headers, await reader.readexactly(length))


def _head(reply: Reply, length: int | None) -> bytes:
    headers = {"content-type": "application/json", **reply.headers}
    if length is not None:
        headers["content-length"] = str(length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Fake\r\n{lines}\r\n".encode("latin-1")


async def _misbehave(reply: Reply, writer: asyncio.StreamWriter) -> None:
    if reply.manner == "hang":
        await asyncio.Event().wait()
    elif reply.manner == "cut":
        sock = writer.get_extra_info("socket")
        # SO_LINGER of no seconds: a reset, not a polite end.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif reply.manner == "drip":
        for byte in _head(reply, 10_000) + b" " * 10_000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(_DRIP_SECONDS)
    elif reply.manner == "short":
        writer.write(_head(reply, len(reply.body) + 1) + reply.body)
        await writer.drain()
    else:
        writer.write(_head(reply, None))
        while True:
            writer.write(b'{"padding":"' + b"A" * 65536 + b'"}')
            await writer.drain()


class Running(Protocol):
    """Anything that is started and stopped inside of an event loop."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


S = TypeVar("S", bound=Running)


@contextlib.contextmanager
def running(server: S) -> Iterator[S]:
    """Serve from a thread of this process until the block is left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="fake-providers")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
