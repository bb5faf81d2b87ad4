"""3: an empty list is no mistake: Prometheus may post one."""

from __future__ import annotations

from tests.hostile import words

CASES = [words.hook(b"[]", 200, 0), words.v2(b"[]"), words.native(b"[]", 200, 0)]
