"""4: an object without anything: only our own form can say what it lacks."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b"{}", 400), words.v2(b"{}", 400), words.native(b"{}", 200, 0),
    words.v2(b"[{}]", 400), words.Case(words.AMAZON, b"{}", 403),
    words.hook(b'{"alerts":{"a":1}}', 400), words.api("POST", "/silences", 422, {}),
]  # fmt: skip
