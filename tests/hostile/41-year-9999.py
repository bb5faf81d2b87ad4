"""41: the last year that Python knows: an end that never comes."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(words.of(endsAt="9999-12-31T23:59:59Z"), 200, 1),
    words.hook(words.of(startsAt="9999-12-31T23:59:59-14:00"), 200),
    words.hook(words.of(endsAt="9999-12-31T23:59:59.999999999-14:00"), 200),
    words.v2(b'[{"labels":{"a":"b"},"endsAt":"9999-12-31T23:59:59Z"}]'),
    words.api("GET", "/oncall?at=9999-12-31T23:59:59Z", 422),
    words.api("GET", "/oncall?at=0001-01-01T00:00:00Z", 422),
]
