"""25: a text as long as a book, and one label as long."""

from __future__ import annotations

from tests.hostile import scenes, words

CASES = [
    words.hook(words.of(annotations={"a": "x" * 10_000_000}), 200, 1),
    words.hook(words.of(labels={"a": "x" * 10_000_000}), 200, 1),
    words.hook(words.of(annotations={"a": "x" * 11_000_000}), 413),
    words.Case(words.GRAFANA, words.of(values={"a": 0, "b" * 5_000_000: 1}), 200, 1),
    words.Case(words.GRAFANA, words.of(imageURL="x" * 5_000_000), 200, 1),
    words.Case(words.AMAZON, b" " * 2_000_000 + b"{}", 413),
]


def after(scene: scenes.Scene) -> None:
    """What was cut is marked."""
    assert all(len(str(each)) < 20_000 for each in scene.alerts())
    assert scene.tenant.rows("SELECT 1 AS one FROM alert WHERE length(labels) > 20000") == []
