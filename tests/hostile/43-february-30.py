"""43: a day that there is not."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.of(startsAt=day), 200, 0)
    for day in ("2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
                "2026-01-01T24:00:01Z", "2026-01-01T00:60:00Z")
]  # fmt: skip
