"""64: a text message of a hundred parts costs money, and some of its signs double it."""

from __future__ import annotations

from tests.hostile import scenes, words

TEXTS = ("\U0001f525" * 10_000, "\x1b" * 500, "[]{}^~|\u20ac" * 500)
POLICY = scenes.POLICY
CASES = [words.hook(words.literal(text, n=str(at)), 200, 1) for at, text in enumerate(TEXTS)]


def after(scene: scenes.Scene) -> None:
    """Three parts at the most: 67 signs of UCS-2 each, or 153 of GSM-7."""
    sent = scene.stack.providers.twilio.messages(scene.phone)
    assert len(sent) >= len(TEXTS)
    for each in sent:
        cheap = each["body"].isascii()
        size = len(each["body"]) if cheap else len(each["body"].encode("utf-16-be")) // 2
        assert size <= 3 * (153 if cheap else 67)
