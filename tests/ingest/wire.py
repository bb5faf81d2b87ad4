"""A wire to PostgreSQL that a test can cut, freeze and mend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"


class Wire:
    """Forwards a socket in `folder` to PostgreSQL; `url` goes through it."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        self._server = Path(parse_qs(parts.query)["host"][0]) / SOCKET
        self._here = folder / SOCKET
        self.url = urlunsplit(parts._replace(query=f"host={quote(str(folder))}"))
        self._open = asyncio.Event()
        self._ends: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        #: Pass a message with these bytes on to the server and cut the wire at its answer.
        self.lose_answer_to = b""
        self._losing = False

    async def mend(self) -> None:
        """Take connections, and let bytes through."""
        self._open.set()
        if self._listening is None:
            self._listening = await asyncio.start_unix_server(self._join, self._here)

    def freeze(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        self._open.clear()

    def cut(self) -> None:
        """End all connections and take no new ones, as a server that was stopped."""
        self._open.set()
        for end in self._ends:
            end.close()
        if self._listening is not None:
            self._listening.close()
            self._here.unlink(missing_ok=True)
            self._listening = None

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._server)
        ends = {writer, back}
        self._ends |= ends
        with suppress(OSError):
            await asyncio.gather(self._pass(reader, back, True), self._pass(there, writer, False))
        self._ends -= ends

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, outward: bool
    ) -> None:
        try:
            while data := await source.read(65536):
                await self._open.wait()
                if outward and self.lose_answer_to and self.lose_answer_to in data:
                    self._losing = True
                elif not outward and self._losing:
                    self._losing, self.lose_answer_to = False, b""
                    self.cut()
                    return
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


@asynccontextmanager
async def wire(url: str, folder: Path) -> AsyncIterator[Wire]:
    made = Wire(url, folder)
    await made.mend()
    try:
        yield made
    finally:
        made.cut()
