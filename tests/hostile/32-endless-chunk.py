"""32: a chunk that says it has more bytes than there are."""

from __future__ import annotations

from tests.hostile import words

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CASES = [
    words.raw(CHUNKED + b"FFFFFFFF\r\n[]", b"", b"400", half=True),
    words.raw(CHUNKED + b"FFFFFFFFFFFFFFFFFF\r\n[]", b"400"),
    words.raw(CHUNKED + b"xyz\r\n[]\r\n0\r\n\r\n", b"400"),
    words.raw(CHUNKED + b"-2\r\n[]\r\n0\r\n\r\n", b"400"),
    words.raw(CHUNKED + b"2\r\n[]\r\n0\r\n\r\n", b"200"),
]
