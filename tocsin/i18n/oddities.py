"""What is unusual about an alert, said for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from schemas import parts
from tocsin import i18n

#: So many reasons are told in one sentence.
TOLD = 2
_DURATIONS = frozenset({"gap", "duration"})


def sentence(
    anomaly: bool, reasons: Sequence[Mapping[str, Any]], cause: str | None, locale: str = "en"
) -> str:
    """The sentence for a score: why it is high, or that it is not, or why there is none."""
    if cause is not None:
        return i18n.say(f"unscored.{cause}", locale)
    if not anomaly or not reasons:
        return i18n.say("unusual.usual", locale)
    said = "; ".join(_reason(reason, locale) for reason in reasons[:TOLD])
    return i18n.say("unusual.lead", locale, reasons=said)


def _reason(reason: Mapping[str, Any], locale: str) -> str:
    feature = str(reason["feature"])
    if feature == "rarity" and not reason["about"]:
        feature = "novel"
    show = _duration if feature in _DURATIONS else _number
    return i18n.say(
        f"unusual.{feature}", locale,
        seen=show(reason["seen"]), usual=show(reason["usual"]), about=reason["about"],
    )  # fmt: skip


def _number(value: float) -> str:
    if abs(value) >= 10:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}".removesuffix(".0")


def _duration(seconds: float) -> str:
    coarse = 60 if seconds >= 600 else 1
    return parts.say_duration(timedelta(seconds=round(seconds / coarse) * coarse))
