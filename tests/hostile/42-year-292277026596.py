"""42: the last second that 64 bits can hold."""

from __future__ import annotations

import json

from tests.hostile import words

FAR = "292277026596-12-04T15:30:07Z"
CASES = [
    words.hook(words.of(startsAt=FAR), 200, 0), words.hook(words.of(endsAt=FAR), 200, 0),
    words.v2(json.dumps([{"labels": {"a": "b"}, "endsAt": FAR}]).encode(), 400),
    words.api("GET", f"/oncall?at={FAR}", 422),
    words.api("POST", "/silences", 422, {
        "matchers": ["a=b"], "starts_at": FAR, "ends_at": FAR, "comment": "c"}),
]  # fmt: skip
