"""A JSON array that is written while it is read, so that the largest storm needs no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
from fastapi.responses import Response, StreamingResponse

from tocsin.web.v2 import answers

#: Items that are written at once.
_CHUNK = 200


def array(items: Iterable[Any]) -> Response:
    """The answer. What goes wrong before the first items is an error, behind them a cut."""
    pieces = _pieces(iter(items))
    first = next(pieces)
    return StreamingResponse(_again(first, pieces), media_type=answers.JSON)


def document(body: Any) -> Response:
    """One thing, as it stands here: its names and moments are the original's already."""
    return Response(orjson.dumps(body) + b"\n", media_type=answers.JSON)


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _pieces(items: Iterator[Any]) -> Iterator[bytes]:
    opening = b"["
    while some := list(islice(items, _CHUNK)):
        yield opening + b",".join(map(orjson.dumps, some))
        opening = b","
    yield b"[]\n" if opening == b"[" else b"]\n"
