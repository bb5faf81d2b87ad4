"""44: a time zone that there is not."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.of(startsAt=f"2026-02-20T00:00:00{offset}"), 200, 0)
    for offset in ("+25:00", "-24:01", "+1:00", "Z+01:00", "+99:99")
]
