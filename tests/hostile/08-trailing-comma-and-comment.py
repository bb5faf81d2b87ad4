"""8: what other languages take for JSON."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.v2(b'[{"labels":{"a":"b"}},]', 400), words.v2(b'[/* x */{"labels":{"a":"b"}}]', 400),
    words.hook(b"{'alerts':[]}", 400), words.hook(b"{alerts:[]}", 400),
    words.hook(b'{"alerts":[],}', 400), words.hook(b"// x\n[]", 400),
]  # fmt: skip
