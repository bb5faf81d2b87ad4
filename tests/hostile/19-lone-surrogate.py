"""19: half a character: it reads well and cannot be written."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'[{"status":"firing","labels":{"a":"\\ud800"}}]', 200, 0),
    words.native(b'{"title":"\\udfff"}', 200, 0),
    words.api("GET", "/alerts?filter=a%3D%22%ED%A0%80%22", 200),
    words.api(
        "POST", "/silences", 400, {"matchers": ["a=\ud800"], "duration": "1h", "comment": "c"}
    ),
    words.api("POST", "/policy/check", 422, {"document": "route: {receiver: \ud800}"}),
]
