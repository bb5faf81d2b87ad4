"""45: a time without a zone: guessing would move it by hours."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.of(startsAt=text), 200, 0)
    for text in ("2026-02-20T00:00:00", "2026-02-20", "2026-02-20 00:00:00", "now", " ")
]
