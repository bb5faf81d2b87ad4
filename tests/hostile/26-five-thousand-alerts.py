"""26: a storm in one request; more than ten thousand are refused before they are read."""

from __future__ import annotations

import json

from tests.hostile import words

FIRING = {"status": "firing"}
CASES = [
    words.hook(words.many(*["a"] * 5000), 200, 5000),
    words.hook(
        json.dumps([FIRING | {"labels": {"a": "b", "n": str(at)}} for at in range(2000)]).encode(),
        200,
        2000,
    ),
    words.hook(words.many(*["a"] * 10_001), 413),
    words.v2(b"[" + b"null," * 10_000 + b"null]", 413),
]
