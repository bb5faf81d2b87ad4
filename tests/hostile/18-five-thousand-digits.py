"""18: an integer that Python refuses to read."""

from __future__ import annotations

from tests.hostile import words

DIGITS = b"9" * 5000
CASES = [
    words.hook(words.of(v="?").replace(b'"?"', DIGITS), 200, 1),
    words.Case(words.GRAFANA, words.of(values={"a": "?"}).replace(b'"?"', DIGITS), 200, 1),
    words.hook(words.of(startsAt="?").replace(b'"?"', DIGITS), 200, 0),
    words.raw(b"Content-Length: " + DIGITS + b"\r\n\r\n[]", b"400", b"413"),
    words.api("GET", "/incidents?limit=" + DIGITS.decode(), 422),
    words.Case(
        words.API + "/policy/rollback", b'{"version":' + DIGITS + b"}", 400,
        headers={"Content-Type": "application/json", "If-Match": "*"},
    ),
]  # fmt: skip
