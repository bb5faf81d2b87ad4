"""29: names that lead out of their folder; nothing here unpacks archives, but secrets are files."""

from __future__ import annotations

import io
import json
import zipfile

from tests.hostile import words


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as held:
        for name in ("../../etc/cron.d/x", "/etc/passwd", "..\\..\\x"):
            held.writestr(name, "* * * * * root id")
    return made.getvalue()


def policy(file: str) -> str:
    return (
        "route: {receiver: a}\nreceivers:\n- name: a\n  slack:\n"
        f"  - {{channel: C0, token_file: {json.dumps(file)}}}\n"
    )


OUTSIDE = ("../other/slack", "/etc/passwd", "a/../../b", "..", "a\0b", "~/x", "a\\..\\b")
CASES = [
    words.hook(archive(), 400), words.packed(archive(), 415, Content_Encoding="zip"),
    *(words.refused(policy(file)) for file in OUTSIDE),
    words.api("POST", "/policy/check", 200, {"document": policy("slack")}, '"valid":true'),
]  # fmt: skip
