"""9: a stack of brackets: the reader's own stack must not give way."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    *(words.Case(path, b"[" * 100_000, 400) for path in (words.HOOK, words.V2, words.NATIVE)),
    words.hook(b'{"a":' * 100_000, 400), words.hook(b'{"alerts":' + b"[" * 100_000, 400),
    words.Case(words.AMAZON, b'{"Type":' + b"[" * 100_000, 400),
    words.Case(
        words.API + "/silences", b"[" * 60_000, 400, headers={"Content-Type": "application/json"}
    ),
]  # fmt: skip
