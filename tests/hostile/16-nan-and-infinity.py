"""16: numbers that JSON does not know and many readers do."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'[{"status":"firing","labels":{"a":"b"},"v":NaN}]', 200, 0),
    words.native(b'{"title":"a","v":-Infinity}', 200, 0),
    words.Case(
        words.API + "/silences",
        b'{"duration":NaN}',
        422,
        headers={"Content-Type": "application/json"},
    ),
]
