"""The probe: takes a message, tells nobody and gives a receipt. Tocsin watches itself with it."""

from __future__ import annotations

from pydantic import Field

import channels
from schemas import message as messages

LIMITS = channels.Limits(per_second=50, burst=100)
# What is sent twice is still nothing, and nobody could be shown a change.
CAPABILITIES = channels.Capabilities(idempotent=True)
PARTS: dict[str, channels.Form] = {}


class Settings(channels.ChannelSettings):
    """Nobody is told: that a message came this far is all there is to know."""

    name: str = Field(
        "watch", min_length=1, max_length=100, pattern=r"^[\w .-]+$",
        description="What deliveries call it; two probes of one receiver have two names.",
    )  # fmt: skip


def destination(settings: Settings) -> str:
    """The name."""
    return f"probe {settings.name}"


def send(message: messages.Message, settings: Settings, call: channels.Call) -> channels.Receipt:
    """Nothing leaves the house."""
    return channels.Receipt(ref=None, provider_id=call.key)
