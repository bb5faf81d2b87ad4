"""31: lengths that contradict each other: a proxy may believe the other one (smuggling)."""

from __future__ import annotations

from tests.hostile import words

CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"0\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
CASES = [
    words.raw(b"Content-Length: 2\r\n" + CHUNKED + b"\r\n" + HIDDEN, b"400"),
    words.raw(CHUNKED + b"Content-Length: 2\r\n\r\n" + HIDDEN, b"400"),
    words.raw(b"Content-Length: 3\r\nContent-Length: 2\r\n\r\n[]", b"400"),
    words.raw(b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n[]", b"400"),
    words.raw(b"Transfer-Encoding : chunked\r\n\r\n" + HIDDEN, b"400"),
    words.raw(b"Transfer-Encoding: chunked, identity\r\n\r\n" + HIDDEN, b"400"),
]
