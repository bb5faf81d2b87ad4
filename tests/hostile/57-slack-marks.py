"""57: marks with which Slack would wake a channel or lead astray."""

from __future__ import annotations

from tests.hostile import scenes, words

TEXT = "<!channel> <!here> <@U1> <http://evil.example|your bank> *b* _i_ `c` &lt;!channel&gt;"
POLICY = scenes.POLICY
CASES = [words.hook(words.literal(TEXT), 200, 1)]


def after(scene: scenes.Scene) -> None:
    """Slack reads them as text: each < is an entity."""
    said = scene.told()["slack"]
    assert "&lt;!channel&gt;" in said
    for mark in ("<!channel>", "<!here>", "<@U1>", "<http://evil.example"):
        assert mark not in said
