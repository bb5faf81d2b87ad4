"""6: the connection to the sender's proxy broke in the middle."""

from __future__ import annotations

from tests.hostile import words

CASES = [words.hook(words.FINE[:-at], 400) for at in (1, 2, 3, 40)]
