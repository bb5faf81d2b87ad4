"""17: a number that becomes infinite when it is read."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'[{"status":"firing","labels":{"a":"b"},"v":1e400}]', 200, 1),
    words.Case(words.GRAFANA, words.of(values={"a": "?"}).replace(b'"?"', b"-1e400"), 200, 1),
    words.Case(
        words.API + "/policy/rollback", b'{"version":1e400}', 422,
        headers={"Content-Type": "application/json", "If-Match": "*"},
    ),
]  # fmt: skip
