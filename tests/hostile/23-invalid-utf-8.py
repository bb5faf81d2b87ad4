"""23: bytes that are no text: the alert is refused, its neighbour is not."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'[{"status":"firing","labels":{"a":"\xff\xfe"}}]', 200, 0),
    words.hook(b'[{"status":"firing","labels":{"a":"\xed\xa0\x80"}}]', 200, 0),
    words.hook(
        b'[{"status":"firing","labels":{"a":"\xff"}},'
        b'{"status":"firing","labels":{"a":"b"}}]', 200, 1
    ),
    words.native(bytes(range(256)), 400),
    words.Case(
        words.API + "/silences", b'{"comment":"\xff"}', 400,
        headers={"Content-Type": "application/json"},
    ),
]  # fmt: skip
