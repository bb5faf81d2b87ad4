"""1: nothing was sent; a 200 would make a broken sender look healthy."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b"", 400), words.v2(b"", 400), words.native(b"", 400), words.hook(b" \r\n\t", 400),
    words.api("POST", "/silences", 422),
]  # fmt: skip
