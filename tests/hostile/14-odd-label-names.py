"""14: empty names, and names with a space, a dot, letters of all the world."""

from __future__ import annotations

from tests.hostile import scenes, words

ODD = {"__name__": "up", "a b": "x", "a.b": "y", "\u00e4": "z", "\U0001f525": "f", "a": "1"}
CASES = [
    words.hook(words.of(labels={"": "x"}), 200, 0),
    words.hook(words.of(labels={"alertname": "odd", **ODD}), 200, 1),
    words.v2(b'[{"labels":{"":"x"}}]', 400),
]


def after(scene: scenes.Scene) -> None:
    """They are found by their names, as in Alertmanager since 0.27."""
    for name, value in ODD.items():
        found = scene.tenant.get("/alerts", filter=f'"{name}"="{value}"')["items"]
        assert [each["labels"]["alertname"] for each in found] == ["odd"], name
