"""40: 0001-01-01 is how Go says that a time is not set; Alertmanager sends it."""

from __future__ import annotations

from tests.hostile import words

ZERO = "0001-01-01T00:00:00Z"
CASES = [
    words.hook(words.of(startsAt=ZERO, endsAt=ZERO), 200, 1),
    words.hook(words.of(startsAt="0001-01-01T00:00:00+14:00"), 200, 1),
    words.v2(b'[{"labels":{"a":"b"},"startsAt":"0001-01-01T00:00:00Z"}]'),
    words.hook(words.of(status="resolved", startsAt=ZERO, endsAt=ZERO), 200, 1),
]
