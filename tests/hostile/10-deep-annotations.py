"""10: 64 lists in one another where a text belongs."""

from __future__ import annotations

import json

from tests.hostile import words

DEEP = json.loads("[" * 64 + "]" * 64)
CASES = [
    words.hook(words.of(annotations={"a": DEEP}), 200, 0),
    words.hook(words.of(annotations=DEEP), 200, 0),
    words.hook(words.of(labels={"a": DEEP}), 200, 0),
    # What is no field of an alert is nobody's business.
    words.hook(words.of(unknown=DEEP), 200, 1),
]  # fmt: skip
