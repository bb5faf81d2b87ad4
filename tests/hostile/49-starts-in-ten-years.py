"""49: the clock of the sender is wrong; its alert is a page all the same."""

from __future__ import annotations

from tests.hostile import scenes, words

CASES = [words.hook(words.of(startsAt="2036-02-20T00:00:00Z"), 200, 1)]


def after(scene: scenes.Scene) -> None:
    """Somebody was told."""
    assert len(scene.tenant.hooks()) == 1
