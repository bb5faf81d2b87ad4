"""From a policy document to when routes are quiet and to which alerts make others redundant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas import inhibition as inhibiting
from schemas import policy as written
from schemas import time_intervals as forms
from tocsin.config import problems
from tocsin.config.plain import listed
from tocsin.domain import inhibition, matchers, time_intervals

Problem = tuple[problems.Path, str]
Intervals = dict[str, time_intervals.Named]

_SIDES = ("source_matchers", "target_matchers")
_KINDS = ("mute_time_intervals", "active_time_intervals")


def intervals(some: Sequence[forms.TimeInterval]) -> Intervals:
    """The intervals of a checked document, by name."""
    return {
        each.name: time_intervals.Named(each.name, tuple(map(_interval, each.time_intervals)))
        for each in some
    }


def hours(node: written.Route, known: Intervals) -> time_intervals.Hours:
    """When a route of a checked document speaks; nothing of it is inherited, as in Alertmanager."""
    return time_intervals.Hours(
        tuple(known[name] for name in node.mute_time_intervals),
        tuple(known[name] for name in node.active_time_intervals),
    )


def inhibit_rules(some: Sequence[inhibiting.InhibitRule]) -> tuple[inhibition.Rule, ...]:
    """The rules of a checked document, in their order."""
    return tuple(
        inhibition.Rule(
            name=each.name or f"inhibit_rules[{at}]",
            source=_matchers(each.source_matchers),
            target=_matchers(each.target_matchers),
            equal=tuple(each.equal),
        )
        for at, each in enumerate(some)
    )


def problems_of(plain: Any) -> Iterator[Problem]:
    """Names that lead nowhere or stand twice, and matchers that cannot be read."""
    known = set()
    for at, each in enumerate(listed(plain, "time_intervals")):
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str):
            if name in known:
                path: problems.Path = ("time_intervals", at, "name")
                yield path, f"the time interval `{name}` is defined twice: give one another name"
            known.add(name)
    if isinstance(plain, dict) and isinstance(plain.get("route"), dict):
        for kind in _KINDS:
            if plain["route"].get(kind):
                yield ("route", kind), f"the top route takes every alert: it must not have `{kind}`"
        yield from _routes(plain["route"], ("route",), known)
    for at, rule in enumerate(listed(plain, "inhibit_rules")):
        yield from _rule(rule, ("inhibit_rules", at))


def _routes(route: Any, path: problems.Path, known: set[str]) -> Iterator[Problem]:
    for kind in _KINDS:
        for at, name in enumerate(listed(route, kind)):
            if isinstance(name, str) and name not in known:
                said = f"there is no time interval `{name}`" + problems.suggest(name, known)
                yield (*path, kind, at), said
    for at, child in enumerate(listed(route, "routes")):
        yield from _routes(child, (*path, "routes", at), known)


def _rule(rule: Any, path: problems.Path) -> Iterator[Problem]:
    for side in _SIDES:
        if isinstance(rule, dict) and not rule.get(side):
            yield path, f"`{side}` is missing: without it every alert would match"
        for at, text in enumerate(listed(rule, side)):
            if isinstance(text, str):
                try:
                    matchers.parse_list(text)
                except ValueError as error:
                    yield (*path, side, at), str(error)


def _matchers(texts: Sequence[str]) -> tuple[matchers.Matcher, ...]:
    return tuple(one for text in texts for one in matchers.parse_list(text))


def _interval(each: forms.Interval) -> time_intervals.Interval:
    return time_intervals.Interval(
        times=tuple((_minutes(one.start_time), _minutes(one.end_time)) for one in each.times),
        weekdays=tuple(map(forms.weekdays, each.weekdays)),
        days_of_month=tuple(map(forms.days_of_month, each.days_of_month)),
        months=tuple(map(forms.months, each.months)),
        years=tuple(map(forms.years, each.years)),
        zone=each.location,
    )


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)
