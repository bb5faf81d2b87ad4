"""46: seconds since 1970, as a number: seconds, or milliseconds?"""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.of(startsAt=number), 200, 0)
    for number in (1_700_000_000, 1_700_000_000_000, -1, 1.5e9, True)
]
