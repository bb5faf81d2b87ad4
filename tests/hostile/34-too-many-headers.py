"""34: ten thousand headers, and one of a megabyte."""

from __future__ import annotations

from tests.hostile import words

SIZED = b"Content-Length: 2\r\n\r\n[]"
CASES = [
    words.raw(b"X: y\r\n" * 10_000 + SIZED, b"200", b"400", b"431", b""),
    words.raw(b"X: " + b"x" * 1_000_000 + b"\r\n" + SIZED, b"200", b"400", b"431", b""),
    words.raw(b"x" * 1_000_000 + b": y\r\n" + SIZED, b"200", b"400", b"431", b""),
    words.raw(b"Authorization: Bearer x\r\n" + SIZED, b"401"),
    words.raw(b"X: y\r\n folded\r\n" + SIZED, b"200", b"400"),
    words.raw(b"X\0: y\r\n" + SIZED, b"400"),
    words.raw(b"", b"414", b"400", b"", path=b"/" + b"x" * 1_000_000, half=True),
]
