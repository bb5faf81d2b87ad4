"""A flaky way to a server: it delays, swallows and breaks off what passes, as networks do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reach = Callable[[], Awaitable[Streams]]

_PIECE = 64 * 1024
_START_SECONDS = 10.0


@dataclass(frozen=True)
class Manner:
    """How a door behaves. The default passes everything on."""

    #: New connections are reset, and so are those that are open.
    refuse: bool = False
    #: Nothing passes, and nobody is told.
    deaf: bool = False
    #: Seconds that each piece waits, in each direction.
    latency: float = 0.0
    #: How likely a piece of the server's is swallowed and both sides are cut: it was done, but
    #: whoever asked for it does not learn that.
    swallow: float = 0.0
    #: The same for what is asked: it was never done.
    drop: float = 0.0
    #: Only pieces that hold this are swallowed or dropped.
    mark: bytes = b""


PASS = Manner()


class Door:
    """One door. Its manner may be changed from any thread; what is open follows it."""

    def __init__(self, name: str, reach: Reach, chance: random.Random) -> None:
        self.name = name
        self.port = 0
        #: How many connections were cut, by chance or by `cut`.
        self.cuts = 0
        self._reach, self._chance = reach, chance
        self._manner = PASS
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._audible = asyncio.Event()

    def behave(self, manner: Manner) -> None:
        """From now on."""
        self._on_loop(lambda: self._behave(manner))

    @contextlib.contextmanager
    def behaving(self, manner: Manner) -> Iterator[None]:
        """For the length of a block; afterwards everything passes again."""
        self.behave(manner)
        try:
            yield
        finally:
            self.behave(PASS)

    def cut(self) -> None:
        """Break off everything that is open."""
        self._on_loop(self._cut_all)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._audible.set()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        self._cut_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_loop(self, work: Callable[[], None]) -> None:
        assert self._loop is not None
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(_START_SECONDS)

    def _behave(self, manner: Manner) -> None:
        self._manner = manner
        (self._audible.clear if manner.deaf else self._audible.set)()
        if manner.refuse:
            self._cut_all()

    def _cut_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)
        # Two ends of each connection are in the set.
        self.cuts += len(self._open) // 2
        self._open.clear()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._manner.refuse:
            _reset(writer)
            return
        try:
            await self._audible.wait()
            there, back = await self._reach()
        except OSError:
            _reset(writer)
            return
        ends = {writer, back}
        self._open |= ends
        try:
            await self._both(reader, back, there, writer)
        finally:
            self._open -= ends
            for end in ends:
                _reset(end)

    async def _both(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter,
        there: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        """Until one side has ended; what it said last is passed on before."""
        pumps = [
            asyncio.create_task(self._pump(reader, back, asked=True)),
            asyncio.create_task(self._pump(there, writer, asked=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, asked: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(_PIECE):
                await self._audible.wait()
                if self._manner.latency:
                    await asyncio.sleep(self._manner.latency)
                if self._is_lost(piece, asked=asked):
                    self.cuts += 1
                    return
                target.write(piece)
                await target.drain()

    def _is_lost(self, piece: bytes, *, asked: bool) -> bool:
        manner = self._manner
        likely = manner.drop if asked else manner.swallow
        return bool(likely) and manner.mark in piece and self._chance.random() < likely


def _reset(writer: asyncio.StreamWriter) -> None:
    """Without a polite end, as when a cable is cut or a host is gone."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def to_port(port: int) -> Reach:
    """A server on this host."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: str) -> Reach:
    """A server at a Unix socket."""
    return lambda: asyncio.open_unix_connection(path)


class Doors:
    """The doors of an installation, in an event loop of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="doors", daemon=True)
        self._doors: list[Door] = []
        self._thread.start()

    def open(self, name: str, reach: Reach, chance: random.Random) -> Door:
        """A door that listens."""
        door = Door(name, reach, chance)
        asyncio.run_coroutine_threadsafe(door.start(), self._loop).result(_START_SECONDS)
        self._doors.append(door)
        return door

    def close(self) -> None:
        for door in self._doors:
            asyncio.run_coroutine_threadsafe(door.stop(), self._loop).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()
