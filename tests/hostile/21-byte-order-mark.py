"""21: the mark that Windows puts before UTF-8: harmless, so taken."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b"\xef\xbb\xbf" + words.FINE, 200, 1),
    words.v2(b"\xef\xbb\xbf[]"),
    words.hook(b"\xef\xbb\xbf\xef\xbb\xbf" + words.FINE, 400),
]
