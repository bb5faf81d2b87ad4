"""Takes the body of a request within bounds of bytes, time and memory."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from tocsin import errors

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BYTES = 10 * 1024 * 1024
SECONDS = 10.0
#: What all requests in hand may hold together.
WAITING_BYTES = 64 * 1024 * 1024
#: What a request costs us at least, however small its body is.
_LEAST = 2048
#: A body that unpacks to more than this, and to so many times its size, is a bomb.
_RATIO_FROM = 1024 * 1024
_RATIO = 200


class Disconnected(Exception):
    """The sender went away before its body was complete."""


class Room:
    """The memory that is left for bodies, from their first byte to their answer."""

    def __init__(self) -> None:
        self.left = WAITING_BYTES


class Claim:
    """How much of the room one request holds: it grows with the body and is given back at exit."""

    def __init__(self, room: Room) -> None:
        self._room, self._held = room, 0

    def __enter__(self) -> Claim:
        self.grow(_LEAST)
        return self

    def __exit__(self, *_: object) -> None:
        self._room.left += self._held

    def grow(self, size: int) -> None:
        """Raises Busy."""
        if size > self._room.left:
            raise errors.Busy
        self._room.left -= size
        self._held += size


async def read(headers: Mapping[bytes, bytes], receive: Receive, claim: Claim) -> bytes:
    """The whole body, unpacked.

    Raises TooLarge, TooSlow, UnsupportedEncoding, BadRequest for damaged gzip, Busy where the room
    is full, Disconnected.
    """
    packed = _is_packed(headers)
    declared = headers.get(b"content-length", b"")
    # A false length only helps to refuse early: what counts is what arrives.
    if declared.isdigit() and (len(declared) > 12 or int(declared) > MAX_BYTES):
        raise _too_large()
    try:
        async with asyncio.timeout(SECONDS):
            return await (_unpacked(receive, claim) if packed else _plain(receive, claim))
    except TimeoutError:
        raise errors.TooSlow from None


def _is_packed(headers: Mapping[bytes, bytes]) -> bool:
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in (b"", b"identity"):
        return False
    if encoding in (b"gzip", b"x-gzip"):
        return True
    raise errors.UnsupportedEncoding


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


async def _plain(receive: Receive, claim: Claim) -> bytes:
    chunk, more = await _chunk(receive)
    if not more:
        _within(len(chunk))
        claim.grow(len(chunk))
        return chunk
    body = bytearray()
    while True:
        _within(len(body) + len(chunk))
        claim.grow(len(chunk))
        body += chunk
        if not more:
            return bytes(body)
        chunk, more = await _chunk(receive)


async def _unpacked(receive: Receive, claim: Claim) -> bytes:
    body = bytearray()
    wire, more = 0, True
    unpacker = _Unpacker()
    while more:
        chunk, more = await _chunk(receive)
        wire += len(chunk)
        _within(wire)
        for piece in unpacker.pieces(chunk):
            claim.grow(len(piece))
            body += piece
            _within(len(body))
            if len(body) > _RATIO_FROM and len(body) > _RATIO * wire:
                raise errors.TooLarge("this gzip unpacks to far more than alerts do; send less")
    if not unpacker.complete:
        raise _damaged()
    return bytes(body)


class _Unpacker:
    """gzip as it arrives; a few members may follow one another."""

    _PIECE = 256 * 1024
    _MEMBERS = 64

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._members = 1
        self.complete = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What the chunk unpacks to; raises BadRequest."""
        full = False
        while chunk or full:
            if self._inflate.eof:
                self._next_member()
            try:
                piece = self._inflate.decompress(chunk, self._PIECE)
            except zlib.error:
                raise _damaged() from None
            yield piece
            self.complete = self._inflate.eof
            # All input may be taken in while output is still to come.
            full = len(piece) == self._PIECE and not self.complete
            chunk = self._inflate.unused_data if self.complete else self._inflate.unconsumed_tail

    def _next_member(self) -> None:
        self._members += 1
        if self._members > self._MEMBERS:
            raise _damaged()
        self._inflate = zlib.decompressobj(wbits=31)


def _within(size: int) -> None:
    if size > MAX_BYTES:
        raise _too_large()


def _too_large() -> errors.TooLarge:
    return errors.TooLarge(f"a body may have {MAX_BYTES} bytes, also unpacked; send fewer alerts")


def _damaged() -> errors.BadRequest:
    return errors.BadRequest("nothing could be read: the body says gzip but is not, or is cut off")
