"""20: U+0000: JSON may hold it, PostgreSQL refuses it."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'[{"status":"firing","labels":{"a":"\\u0000"}}]', 200, 0),
    words.hook(b'[{"status":"firing","labels":{"a":"b"},"annotations":{"a":"x\\u0000y"}}]', 200, 0),
    words.native(b'{"title":"a","labels":{"\\u0000":"x"}}', 200, 0),
    words.native(b'{"title":"a\\u0000"}', 200, 0),
    words.hook(b'[{"status":"firing","labels":{"a":"\x00"}}]', 200, 0),
    words.api("GET", "/alerts?filter=a%3Db%00", frozenset((200, 400, 422))),
    words.api("GET", "/incidents/%00", 404), words.api("GET", "/people/%00", 404),
    words.api("POST", "/silences", 422, {"matchers": ["a=\0"], "duration": "1h", "comment": "c"}),
]  # fmt: skip
