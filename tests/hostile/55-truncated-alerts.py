"""55: a count of what was left out that is no count."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b'{"truncatedAlerts":%s,"alerts":[]}' % count, 200, 0)
    for count in (b"-1", b"18446744073709551616", b"1e99", b'"x"', b"null", b"[]", b"9" * 5000)
]
