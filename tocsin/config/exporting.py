"""The routing of a policy as an alertmanager.yml, for the tools that read one.

Receivers are names without channels, so no secret and no address can be in it. What only a policy
can say (rules, escalations, people) is not there either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from schemas import parts
from schemas import policy as written
from schemas import time_intervals as forms
from tocsin.config.importing import emitting
from tocsin.domain import inhibition, matchers, routing, time_intervals
from tocsin.domain.policy import Policy

#: The receiver of routes that tell nobody, for each route of an alertmanager.yml must have one.
NOBODY = "nobody"
#: Groups by a label that no alert has are one group; an empty list would inherit the parent's.
NO_LABEL = "__none__"
_COMMENT = """\
The routing of Tocsin, as Alertmanager would write it. Channels, rules, people and escalations
are not in it: the policy has them."""
#: Alertmanager refuses an interval of nothing.
_LEAST = timedelta(milliseconds=1)
_TIMES = (("group_wait", timedelta(0)), ("group_interval", _LEAST), ("repeat_interval", _LEAST))


def alertmanager_yml(policy: Policy | None) -> str:
    """A document that `amtool check-config` accepts, also where nothing was applied yet."""
    nobody = _free(NOBODY, policy.receivers if policy else ())
    if policy is None:
        sections: dict[str, Any] = {"route": {"receiver": nobody}, "receivers": [{"name": nobody}]}
        return emitting.document(_COMMENT, sections)
    names = [*policy.receivers]
    if any(route.receiver is None for route in _all(policy.root)):
        names.append(nobody)
    return emitting.document(
        _COMMENT,
        {
            "global": _global(policy),
            "route": _route(policy.root, None, nobody),
            "inhibit_rules": [_rule(rule) for rule in policy.inhibit_rules],
            "receivers": [{"name": name} for name in names],
            "time_intervals": [_named(each) for each in _intervals(policy.root)],
        },
    )


def _free(name: str, taken: Sequence[str] | Any) -> str:
    while name in taken:
        name += "_"
    return name


def _all(route: routing.Route) -> Iterator[routing.Route]:
    yield route
    for child in route.children:
        yield from _all(child)


def _global(policy: Policy) -> dict[str, str]:
    timeout = policy.resolve_timeout
    return {} if timeout is None else {"resolve_timeout": parts.say_duration(timeout)}


def _route(route: routing.Route, above: routing.Route | None, nobody: str) -> dict[str, Any]:
    """A node; what its parent says already is left out."""
    made: dict[str, Any] = {"receiver": nobody if route.receiver is None else route.receiver}
    if route.matchers:
        made["matchers"] = _conditions(route.matchers)
    if route.continue_:
        made["continue"] = True
    made |= _grouping(route, above)
    for key, named in (
        ("mute_time_intervals", route.hours.mute),
        ("active_time_intervals", route.hours.active),
    ):
        if named:
            made[key] = [each.name for each in named]
    if route.children:
        made["routes"] = [_route(child, route, nobody) for child in route.children]
    return made


def _grouping(route: routing.Route, above: routing.Route | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if above is None or route.group_by != above.group_by:
        made["group_by"] = _group_by(route, inherits=above is not None)
    for key, least in _TIMES:
        value: timedelta = getattr(route, key)
        if above is None or value != getattr(above, key):
            made[key] = parts.say_duration(max(value, least))
    return made


def _group_by(route: routing.Route, *, inherits: bool) -> list[str]:
    if route.group_by is None:
        return [written.ALL_LABELS]
    return [*route.group_by] or ([NO_LABEL] if inherits else [])


def _rule(rule: inhibition.Rule) -> dict[str, Any]:
    made: dict[str, Any] = {
        "source_matchers": _conditions(rule.source),
        "target_matchers": _conditions(rule.target),
    }
    if rule.equal:
        made["equal"] = [*rule.equal]
    return made


def _conditions(some: Sequence[matchers.Matcher]) -> list[str]:
    return [str(one) for one in some]


def _intervals(root: routing.Route) -> list[time_intervals.Named]:
    """Those that routes name, each once."""
    found = {
        each.name: each for route in _all(root) for each in (*route.hours.mute, *route.hours.active)
    }
    return list(found.values())


def _named(named: time_intervals.Named) -> dict[str, Any]:
    return {"name": named.name, "time_intervals": [_interval(each) for each in named.intervals]}


def _interval(each: time_intervals.Interval) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if each.times:
        made["times"] = [
            {"start_time": _clock(start), "end_time": _clock(end)} for start, end in each.times
        ]
    if each.weekdays:
        made["weekdays"] = [
            f"{forms.WEEKDAYS[first]}:{forms.WEEKDAYS[last]}" for first, last in each.weekdays
        ]
    for key in ("days_of_month", "months", "years"):
        if spans := getattr(each, key):
            made[key] = [f"{first}:{last}" for first, last in spans]
    # It is there always, for the emitter leaves out what is empty, and an interval must stay.
    made["location"] = each.zone
    return made


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
