"""Service levels of a document: made ready to count with, and what no schema can say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from schemas import policy as written
from tocsin.config import plain, problems
from tocsin.domain import calendars, matchers, routing
from tocsin.domain import service_levels as domain

Problem = tuple[problems.Path, str]

#: One group for each clock of each incident, told at once: two that are missed are two things.
GROUP_BY = ("alertname", "service_level", "clock", "incident")


def targets(document: written.Document) -> tuple[domain.Target, ...]:
    """The levels in the order in which they are asked."""
    holidays = {each.name: each for each in document.holidays}
    hours = {
        each.name: calendars.compiled(each, holidays.get(each.holidays or ""))
        for each in document.calendars
    }
    return tuple(
        domain.Target(
            name=each.name,
            within={clock: span for clock in domain.CLOCKS if (span := getattr(each, clock))},
            severities=frozenset(each.severity),
            services=frozenset(each.services),
            receivers=frozenset(each.receivers),
            calendar=hours.get(each.calendar or ""),
            warn_before=each.warn_before,
            notify=each.notify,
        )
        for each in document.service_levels
    )


def routes(document: written.Document, root: routing.Route) -> tuple[routing.Route, ...]:
    """A route to each receiver that is told of missed levels; they stand before all others."""
    names = dict.fromkeys(each.notify for each in document.service_levels if each.notify)
    return tuple(_route(name, root) for name in names)


def problems_of(document: Any) -> Iterator[Problem]:
    """Each problem with its path; parts that have not the right form are passed over."""
    if not isinstance(document, dict):
        return
    yield from plain.twice(document, "calendars", "name")
    yield from plain.twice(document, "service_levels", "name")
    known = {section: plain.names(document, section)
             for section in ("calendars", "holidays", "receivers")}  # fmt: skip
    for at, each in plain.dicts(document, "calendars"):
        closed = ("calendars", at, "holidays")
        yield from _leads(each.get("holidays"), "holidays", known["holidays"], closed)
    for at, each in plain.dicts(document, "service_levels"):
        start: problems.Path = ("service_levels", at)
        yield from _leads(
            each.get("calendar"), "calendars", known["calendars"], (*start, "calendar")
        )
        yield from _leads(each.get("notify"), "receivers", known["receivers"], (*start, "notify"))
        for index, name in enumerate(plain.listed(each, "receivers")):
            yield from _leads(name, "receivers", known["receivers"], (*start, "receivers", index))


def _route(receiver: str, root: routing.Route) -> routing.Route:
    alertnames = "|".join(sorted(domain.OWN))
    conditions = (
        matchers.Matcher("alertname", "=~", alertnames),
        matchers.Matcher(domain.RECEIVER, "=", receiver),
    )
    return routing.Route(
        id=routing.child_id(root.id, conditions, 0),
        receiver=receiver,
        matchers=conditions,
        continue_=False,
        group_by=GROUP_BY,
        group_wait=timedelta(0),
        group_interval=root.group_interval,
        repeat_interval=root.repeat_interval,
        line=root.line,
    )


def _leads(name: Any, section: str, known: Sequence[str], path: problems.Path) -> Iterator[Problem]:
    if isinstance(name, str) and name not in known:
        yield path, f"there is no `{name}` in {section}" + problems.suggest(name, known)
