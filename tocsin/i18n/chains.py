"""Escalations, said for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tocsin import i18n

#: What the kinds of lines that escalations add to the story of an incident begin with.
KIND = "escalation_"


def story(kind: str, detail: Mapping[str, Any], by: str, locale: str = "en") -> str:
    """The sentence for a line of the story of an incident."""
    said = i18n.say(
        f"escalation.story.{kind.removeprefix(KIND)}", locale, name=detail.get("escalation", ""),
        step=detail.get("step", 0), steps=detail.get("steps", 0), by=by,
        who=names(detail.get("told") or (), locale) if kind == "escalation_step" else "",
    )  # fmt: skip
    left = [missed(each["why"], each["name"], locale) for each in detail.get("untold") or ()]
    if left:
        said += " " + i18n.say("escalation.story.passed", locale, missed="; ".join(left))
    return said


def names(found: Iterable[str], locale: str = "en") -> str:
    """Names in a row; a word where there are none."""
    return ", ".join(found) or i18n.say("escalation.anybody", locale)


def led(via: str, name: str, who: str, locale: str = "en") -> str:
    """Somebody, and what led there."""
    return i18n.say(f"escalation.via.{via}", locale, name=name, who=who)


def missed(why: str, what: str, locale: str = "en") -> str:
    """Who was not told, and why."""
    return i18n.say(f"escalation.missed.{why}", locale, what=what)


def step(
    state: str, place: Mapping[str, int], who: Iterable[str], locale: str = "en"
) -> str:  # fmt: skip
    """One step; `place` has its step, steps, round and rounds."""
    return i18n.say(f"escalation.{state}", locale, who=names(who, locale), **place)


def state(found: str, name: str, cause: str | None, locale: str = "en") -> str:
    """How an escalation stands."""
    return i18n.say(f"escalation.{found}", locale, name=name, cause=cause or "")
