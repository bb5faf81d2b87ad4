"""What went wrong with a delivery, in plain words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tocsin import i18n


class Remedy(NamedTuple):
    """Keys of the catalogue."""

    cause: str
    cure: str


def of(channel: str, attempt: Mapping[str, Any]) -> Remedy:
    """For the last attempt that failed: the channel's own words where there are some."""
    reason = str(attempt["reason"])
    return Remedy(_key("cause", channel, reason), _key("cure", channel, reason))


def _key(kind: str, channel: str, reason: str) -> str:
    for name in (f"{channel}_{reason}", reason, "other"):
        if i18n.knows(f"ui.{kind}.{name}"):
            return f"ui.{kind}.{name}"
    raise AssertionError(kind)
