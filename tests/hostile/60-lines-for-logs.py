"""60: data that would write lines of its own into a log, or colour a terminal."""

from __future__ import annotations

import json
from urllib import parse

from tests.hostile import scenes, words

TEXT = 'forged\n{"level":"error","event":"forged"}\x1b[31m\x1b]0;title\x07\u2028forged'
CASES = [
    words.hook(words.literal(TEXT), 200, 1),
    words.native(json.dumps({"title": TEXT, "bad": float("nan")}).encode(), 200, 0),
    words.api("GET", "/alerts/" + parse.quote(TEXT), 404),
    words.api("GET", "/" + parse.quote(TEXT), 404),
    words.Case("/ui/login", parse.urlencode({"token": TEXT}).encode(), 401,
               headers={"Content-Type": "application/x-www-form-urlencoded"}),
    words.Case(f"/t/{parse.quote(TEXT)}/callbacks/slack/actions", b"{}", 404),
    words.packed(words.FINE, 400, User_Agent="forged\x1b[31m"),
    words.packed(words.FINE, 200, User_Agent="forged", X_Request_Id="forged"),
]  # fmt: skip


def after(scene: scenes.Scene) -> None:
    """Each line of the log is one that we wrote, and holds no sign that a terminal obeys."""
    lines = scene.log.lines()
    assert any("forged" in line for line in lines), "the paths are logged"
    for line in lines:
        _, _, said = line.partition("| ")
        assert not said.startswith(('{"level":"error","event":"forged"', "forged"))
        assert "\x1b" not in said
        assert "\x07" not in said
