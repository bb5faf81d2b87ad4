"""12: a label without a value, or with a number, a truth, nothing, a list."""

from __future__ import annotations

import json

from tests.hostile import words

VALUES: tuple[object, ...] = (1, True, None, [], {}, 1.5)
CASES = [
    *(words.hook(words.of(labels={"a": value}), 200, 0) for value in VALUES),
    *(words.v2(json.dumps([{"labels": {"a": value}}]).encode(), 400) for value in VALUES),
    words.hook(words.of(labels={"a": ""}), 200, 0), words.hook(words.of(generatorURL=7), 200, 0),
    words.hook(words.of(annotations={"a": 1}), 200, 0),
]  # fmt: skip
