"""2: the document is null."""

from __future__ import annotations

from tests.hostile import words

CASES = [
    words.hook(b"null", 400), words.v2(b"null", 400), words.native(b"null", 400),
    words.Case(words.GRAFANA, b"null", 400), words.Case(words.AMAZON, b"null", 403),
    words.Case(
        words.API + "/silences", b"null", 422, headers={"Content-Type": "application/json"}
    ),
]  # fmt: skip
