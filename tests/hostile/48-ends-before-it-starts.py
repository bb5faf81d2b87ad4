"""48: clocks of two machines differ; Alertmanager refuses it where we are asked to."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.v2(
        b'[{"labels":{"a":"b"},"startsAt":"2026-02-20T00:00:00Z",'
        b'"endsAt":"2026-02-19T00:00:00Z"}]', 400
    ),
    words.hook(
        words.of(status="resolved", startsAt="2026-02-20T00:00:00Z", endsAt="2026-02-19T00:00:00Z"),
        200, 1,
    ),
]  # fmt: skip
