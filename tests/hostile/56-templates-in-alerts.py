"""56: what a template language would run, as data."""

from __future__ import annotations

from tests.hostile import scenes, words

TEXT = "{{7*7}} {% raw %} {{config}} {{ ''.__class__ }} ${7*7} #{7*7} <%= 7*7 %> {0.__class__}"
POLICY = (
    scenes.POLICY
    + """
templates:
  - name: own
    channel: email
    type: "*"
    parts: {text: "{{ title }} / {{ alerts[0].labels.host }}"}
"""
)
CASES = [words.hook(words.literal(TEXT), 200, 1)]


def after(scene: scenes.Scene) -> None:
    """It appears as it stands: nobody computed it."""
    for channel, said in scene.told().items():
        assert "{{7*7}} {% raw %}" in said, channel
        assert "49 {% raw %}" not in said, channel
