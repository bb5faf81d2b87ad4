"""47: nine digits behind the point, as Go writes them."""

from __future__ import annotations

from tests.hostile import scenes, words

CASES = [words.hook(words.of(startsAt="2026-02-20T00:00:00.123456789Z"), 200, 1)]


def after(scene: scenes.Scene) -> None:
    """PostgreSQL keeps six of them."""
    assert scene.alerts()[0]["starts_at"].startswith("2026-02-20T00:00:00.123")
