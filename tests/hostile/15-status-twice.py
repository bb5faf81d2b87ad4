"""15: firing and resolved in one alert: the last one must not win in silence."""

from __future__ import annotations

from tests.hostile import words

TWICE = b'{"status":"firing","status":"resolved","labels":{"a":"b"}}'
CASES = [
    words.hook(b"[" + TWICE + b"]", 200, 0),
    words.hook(b'{"alerts":[' + TWICE + b',{"status":"firing","labels":{"a":"good"}}]}', 200, 1),
    # The same key, hidden by the number of a letter.
    words.hook(b'[{"status":"firing","st\\u0061tus":"resolved","labels":{"a":"b"}}]', 200, 0),
    words.hook(b'[{"status":"firing","labels":{"a":"b","a":"c"}}]', 200, 0),
]
