"""30: Content-Length is missing, is no number, is wrong: what counts is what arrives."""

from __future__ import annotations

from tests.hostile import words

SIZED = b"Content-Length: 2\r\n\r\n[]"
CASES = [
    words.raw(b"\r\n", b"400"),
    words.raw(b"Content-Length: two\r\n\r\n[]", b"400"),
    words.raw(b"Content-Length: -2\r\n\r\n[]", b"400"),
    words.raw(b"Content-Length: +2\r\n\r\n[]", b"400"),
    words.raw(b"Content-Length: 99999999999999999999\r\n\r\n[]", b"400", b"413"),
    words.raw(b"Content-Length: 20\r\n\r\n[", b"", half=True),
    words.raw(SIZED, b"200"),
    # What follows the length is the next request, and none.
    words.raw(SIZED + b"[]", b"200", b"400", answers=2),
]
