"""24: overlong bytes, text that runs backwards, letters that look like others."""

from __future__ import annotations

from tests.hostile import scenes, words

NAME = "\u202egpj.\u200bexe\u0430\u2066"
CASES = [
    words.hook(b'[{"status":"firing","labels":{"a":"\xc0\xaf"}}]', 200, 0),
    words.hook(words.literal(NAME), 200, 1),
]
POLICY = scenes.POLICY


def after(scene: scenes.Scene) -> None:
    """Kept as it came; what a person reads has no sign that turns the rest around."""
    assert NAME in scene.alerts()[0]["labels"]["alertname"]
    for channel, said in scene.told().items():
        if channel != "webhook":
            assert "gpj" in said, channel
            assert not set("\u202e\u2066\u200b") & set(said), channel
