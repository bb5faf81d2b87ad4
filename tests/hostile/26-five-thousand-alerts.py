"""26: a storm in one request; more than ten thousand are refused before they are read."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.many(*["a"] * 5000), 200, 5000),
    words.hook(words.many(*(f"n{at}" for at in range(2000))), 200, 2000),
    words.hook(words.many(*["a"] * 10_001), 413),
    words.v2(b"[" + b"null," * 10_000 + b"null]", 413),
]
