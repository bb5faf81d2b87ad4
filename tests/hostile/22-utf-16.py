"""22: another encoding; some readers guess it, and then two of them guess differently."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.FINE.decode().encode(name), 400)
    for name in ("utf-16", "utf-16-be", "utf-16-le", "utf-32")
]
