"""The routing tree of Alertmanager as ours: the same tree, in one way of writing."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from schemas import policy
from schemas.parts import parse_duration
from tocsin.config.importing import conditions
from tocsin.config.importing.emitting import Said
from tocsin.config.importing.source import Part

_WAITS = ("group_wait", "group_interval", "repeat_interval")
_HOURS = ("mute_time_intervals", "active_time_intervals")
_KEYS = frozenset({"match", "match_re", "matchers", "receiver", "group_by", *_WAITS, "continue",
                   *_HOURS, "routes"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What routes may name: what of it was carried over."""

    receivers: Set[str]
    intervals: Set[str]


def tree(part: Part, names: Names) -> dict[str, Any]:
    """The route at the top and all below it."""
    for key in ("match", "match_re", "matchers", "continue", *_HOURS):
        if (wrong := part.get(key)) and wrong.node.value not in ([], {}, False):
            wrong.note("left_out", "the top route takes every alert; Alertmanager refuses this")
    part.asked |= _KEYS
    part.rest("this key of a route is not known here")
    made = _told(part, names)
    if "receiver" not in made:
        part.note("changed", "the top route has no receiver: what no other takes, nobody is told")
    return {**made, **_below(part, names)}


def _node(part: Part, names: Names) -> dict[str, Any] | None:
    """A route below the top; None where its conditions cannot be read."""
    part.asked |= _KEYS
    unknown = part.rest("this key of a route is not known here")
    try:
        found = conditions.of(part)
        if unknown and not found:
            # A misspelt `matchers` must not make a route that takes everything.
            raise conditions.Unread
    except conditions.Unread:
        part.note(
            "left_out",
            "the whole route, for without that condition it would take other alerts: those it is"
            " for go on to the routes after it and above it. Write it anew",
        )
        return None
    made: dict[str, Any] = {"matchers": found} if found else {}
    made |= _told(part, names)
    if part.flag("continue", False):
        made["continue"] = True
    for key in _HOURS:
        if hours := _intervals(part, key, names):
            made[key] = hours
    made |= _below(part, names)
    part.note("carried", "a route")
    return made


def _told(part: Part, names: Names) -> dict[str, Any]:
    """Whom a route tells, and when."""
    made: dict[str, Any] = {}
    receiver = part.get("receiver")
    name = receiver.text() if receiver else None
    if receiver and name in names.receivers:
        made["receiver"] = name
    elif receiver and name:
        receiver.note(
            "left_out", f"there is no receiver `{name}`: the route tells the one of its parent"
        )
    if labels := _group_by(part):
        made["group_by"] = labels
    for key in _WAITS:
        if wait := _wait(part, key):
            made[key] = wait
    return made


def _group_by(part: Part) -> list[str]:
    """An empty list says nothing to Alertmanager; to us it would mean one group for all."""
    labels = list(dict.fromkeys(label for label in part.texts("group_by") if label))
    if policy.ALL_LABELS in labels and len(labels) > 1:
        part.note("changed", "`...` in group_by means all labels: the others are left out")
        return [policy.ALL_LABELS]
    if part.has("group_by") and not labels:
        part.note("changed", "an empty group_by is inherited, as Alertmanager does: left out")
    return labels


def _wait(part: Part, key: str) -> str | None:
    found = part.get(key)
    text = found.text() if found else None
    if not found or not text:
        return None
    try:
        duration = parse_duration(text if text != "0" else 0)
        if not duration and key == "repeat_interval":
            raise ValueError("must be longer than 0s")
    except ValueError as error:
        found.note("left_out", f"{error}: the route waits as its parent does")
        return None
    return text if text != "0" else "0s"


def span(part: Part, key: str, default: str) -> str:
    """A duration that is longer than nothing."""
    found = part.get(key)
    text = found.text() if found else None
    if not found or not text:
        return default
    try:
        if not parse_duration(text):
            raise ValueError("must be longer than 0s")
    except ValueError as error:
        found.note("changed", f"{error}: {default} was written")
        return default
    return text


def _intervals(part: Part, key: str, names: Names) -> list[str]:
    found = part.get(key)
    kept = []
    for name in part.texts(key):
        if name in names.intervals:
            kept.append(name)
        elif found:
            found.note("left_out", f"`{name}`, which is not there or could not be read")
    if found and not kept and part.texts(key):
        found.note("changed", "without it the route speaks at all hours")
    return kept


def _below(part: Part, names: Names) -> dict[str, Any]:
    children = []
    for child in part.each("routes"):
        if not isinstance(child.node.value, dict):
            child.note("left_out", "a route is a mapping")
        elif made := _node(child, names):
            children.append(Said(made, f"line {child.line}"))
        elif made == {}:
            children.append(Said({"matchers": ["{}"]}, f"line {child.line}"))
    return {"routes": children} if children else {}
