"""5: a string, a number, a truth where a document should be."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'"x"', 400), words.v2(b"1", 400), words.native(b"true", 400),
    words.hook(b"-0", 400),
    words.api("POST", "/silences", 422, "x"), words.api("PUT", "/policy", 422, 1),
    words.api("POST", "/policy/check", 422, [True]),
]  # fmt: skip
