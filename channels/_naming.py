"""How the alerts of a message are called and counted, the same in every channel."""

from __future__ import annotations

from collections.abc import Mapping

from channels import _text
from schemas import message as messages
from tocsin import i18n

#: Labels by which people know a thing, most telling first.
_TELLING = ("instance", "pod", "host", "node", "service", "job")


def of(labels: Mapping[str, str], common: Mapping[str, str]) -> str:
    """The value of the most telling label that not all alerts of the message share.

    Where all that is telling is shared, the most telling of it; "" where there is nothing.
    """
    there = [name for name in _TELLING if labels.get(name)]
    chosen = next((name for name in there if name not in common), there[0] if there else "")
    return labels.get(chosen, "")


def counts(message: messages.Message, locale: str) -> str:
    """How many fire and how many are resolved, in words."""
    parts = []
    if message.firing or not message.resolved:
        parts.append(i18n.say("message.firing", locale, n=message.firing))
    if message.resolved:
        parts.append(i18n.say("message.resolved", locale, n=message.resolved))
    return ", ".join(parts)


def holder(message: messages.Message, locale: str) -> str:
    """Who has acknowledged it, and until when if it opens again by itself."""
    who = _text.plain(message.acknowledged_by or "", 160)
    if message.acknowledged_until is None:
        return i18n.say("message.acknowledged_by", locale, who=who)
    until = _text.clock(message.acknowledged_until, message.zone)
    return i18n.say("acts.acknowledged_until", locale, who=who, until=until)
