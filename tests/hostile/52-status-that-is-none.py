"""52: FIRING, weird, nothing: the alert is neither firing nor over."""

from __future__ import annotations

from tests.hostile import words

SAID: tuple[object, ...] = ("FIRING", "weird", "", None, 1, [])
CASES = [
    *(words.hook(words.of(status=said), 200, 0) for said in SAID),
    words.hook(b'{"alerts":[{"labels":{"a":"b"}}]}', 200, 0),
    words.api("GET", "/alerts?status=FIRING", 422),
]
