"""13: an alert that has no identity; Alertmanager's own words about it."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.Case(words.V2, b'[{"labels":{}}]', 400, says="at least one label pair required"),
    words.v2(b'[{"labels":null}]', 400),
    words.hook(words.of().replace(b'{"alertname": "a"}', b"{}"), 200, 0),
]
