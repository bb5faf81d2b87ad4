"""7: two JSON documents in one body: which one is meant?"""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.FINE + words.FINE, 400), words.hook(words.FINE + b"\n" + words.FINE, 400),
    words.v2(b"[][]", 400), words.hook(words.FINE + b"x", 400),
    words.hook(b'{"alerts":[],"alerts":[]}', 400),
]  # fmt: skip
