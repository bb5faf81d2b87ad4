"""Time intervals and inhibition. What cannot be read is left out: more is told then, not less."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from schemas import inhibition, time_intervals
from tocsin.config.importing import conditions
from tocsin.config.importing.emitting import Said
from tocsin.config.importing.source import Part

#: The second one is how they were called before Alertmanager 0.24.
SECTIONS = ("time_intervals", "mute_time_intervals")
_LISTS = ("weekdays", "days_of_month", "months", "years")
_LOCAL = (
    "`Local` is the zone of the machine that Alertmanager ran on: write its name, such as"
    " Europe/Berlin, and import again"
)


def intervals(root: Part) -> dict[str, Said]:
    """The named intervals of both sections."""
    made: dict[str, Said] = {}
    for section in SECTIONS:
        for part in root.each(section):
            name = part.said("name")
            entry = {
                "name": name or "",
                "time_intervals": [_interval(each) for each in part.each("time_intervals")],
            }
            part.rest("this key of a time interval is not known here")
            if name in made:
                part.note("left_out", f"the time interval `{name}` is defined twice")
            elif problem := wrong(time_intervals.TimeInterval, entry):
                part.note("left_out", f"{problem}. Routes that name it take no notice of it")
            else:
                made[str(name)] = Said(entry, f"line {part.line}")
                part.note("carried", f"the time interval `{name}`")
    return made


def inhibit_rules(root: Part) -> list[Said]:
    """The rules that can be carried over."""
    made = []
    for part in root.each("inhibit_rules"):
        rule: dict[str, Any] = {}
        if name := part.said("name"):
            rule["name"] = name
        try:
            for side in ("source_", "target_"):
                rule[f"{side}matchers"] = conditions.of(part, side)
                if not rule[f"{side}matchers"]:
                    part.note("left_out", f"without {side}matchers it would be about every alert")
                    raise conditions.Unread
        except conditions.Unread:
            part.note("left_out", "the whole rule: it inhibits nothing, so more is told")
            continue
        if equal := list(dict.fromkeys(part.texts("equal"))):
            rule["equal"] = equal
        part.rest("this key of an inhibition is not known here")
        if problem := wrong(inhibition.InhibitRule, rule):
            part.note("left_out", problem)
            continue
        made.append(Said(rule, f"line {part.line}"))
        part.note("carried", "an inhibition")
    return made


def _interval(part: Part) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if times := part.each("times"):
        made["times"] = [_times(each) for each in times]
    for key in _LISTS:
        if found := part.texts(key):
            made[key] = found
    if location := part.said("location"):
        made["location"] = location
        if location == "Local":
            part.note("to_do", _LOCAL)
    part.rest("this key of a time interval is not known here")
    return made


def _times(part: Part) -> dict[str, str]:
    made = {key: part.said(key) or "" for key in ("start_time", "end_time")}
    part.rest("this key of a time is not known here")
    return made


def wrong(model: type[BaseModel], value: Any) -> str:
    """What is wrong with a value for a model of the policy, in one line; empty: nothing."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = str(first["msg"]).removeprefix("Value error, ")
        return f"{place}: {said}" if place else said
    return ""
