"""50: the sender says another fingerprint than its labels have: ours counts."""

from __future__ import annotations

from tests.hostile import scenes, words
from tocsin.domain import fingerprint

CASES = [
    words.hook(words.of(fingerprint="0" * 16), 200, 1),
    words.hook(words.of(fingerprint="1" * 16), 200, 1),
    words.hook(words.of(fingerprint="x" * 5000), 200, 1),
    words.hook(words.of(fingerprint=7), 200, 1),
]


def after(scene: scenes.Scene) -> None:
    """All four are one alert, and its fingerprint is Alertmanager's."""
    [found] = scene.alerts()
    assert found["fingerprint"] == fingerprint.fingerprint({"alertname": "a"})
