"""18: an integer that Python refuses to read."""

from __future__ import annotations

from tests.hostile import words

DIGITS = b"9" * 5000
CASES = [
    words.hook(words.of(v="?").replace(b'"?"', DIGITS), 200, 1),
    words.Case(words.GRAFANA, words.of(values={"a": "?"}).replace(b'"?"', DIGITS), 200, 1),
    words.hook(words.of(startsAt="?").replace(b'"?"', DIGITS), 200, 0),
    words.Case(words.HOOK, words.FINE, 413, headers={"Content-Length": DIGITS.decode()}),
    words.api("GET", "/incidents?limit=" + DIGITS.decode(), 422),
    words.Case(
        words.API + "/policy/rollback", b'{"version":' + DIGITS + b"}", 422,
        headers={"Content-Type": "application/json", "If-Match": "*"},
    ),
]  # fmt: skip
