"""What no schema can say about a document: names that lead nowhere, matchers that cannot be read.

It looks at the document as it was written, so that these problems are told beside those of form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas import policy as written
from tocsin.config import correlation, enrichment, escalations, mapping, problems, rules
from tocsin.config.plain import listed
from tocsin.domain import matchers

Problem = tuple[problems.Path, str]


def problems_of(plain: Any) -> Iterator[Problem]:
    """Each problem with its path; parts that have not the right form are passed over."""
    names: dict[str, int] = {}
    for at, receiver in enumerate(listed(plain, "receivers")):
        name = receiver.get("name") if isinstance(receiver, dict) else None
        if not isinstance(name, str):
            continue
        if name in names:
            path = ("receivers", at, "name")
            yield path, f"the receiver `{name}` is defined twice: give one another name"
        names[name] = at
    yield from escalations.problems_of(plain)
    yield from enrichment.service_problems(plain)
    yield from correlation.rule_problems(plain)
    yield from rules.problems_of(plain)
    yield from mapping.problems_of(plain)
    if isinstance(plain, dict) and isinstance(plain.get("route"), dict):
        yield from _root(plain["route"])
        yield from _routes(plain["route"], ("route",), names)
        for part in ("table", "steps"):
            for at, row in enumerate(listed(plain.get("enrichment"), part)):
                yield from _matchers(row, ("enrichment", part, at))


def _root(route: dict[str, Any]) -> Iterator[Problem]:
    for key in ("matchers", "continue"):
        if route.get(key):
            yield ("route", key), f"the top route takes every alert: it must not have `{key}`"


def _routes(route: Any, path: problems.Path, names: dict[str, int]) -> Iterator[Problem]:
    if not isinstance(route, dict):
        return
    receiver = route.get("receiver")
    if isinstance(receiver, str) and receiver not in names:
        said = f"there is no receiver `{receiver}`" + problems.suggest(receiver, names)
        yield (*path, "receiver"), said
    yield from _matchers(route, path)
    yield from _group_by(listed(route, "group_by"), (*path, "group_by"))
    for at, child in enumerate(listed(route, "routes")):
        yield from _routes(child, (*path, "routes", at), names)


def _matchers(part: Any, path: problems.Path) -> Iterator[Problem]:
    for at, text in enumerate(listed(part, "matchers")):
        if isinstance(text, str):
            try:
                matchers.parse_list(text)
            except ValueError as error:
                yield (*path, "matchers", at), str(error)


def _group_by(labels: list[Any], path: problems.Path) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, label in enumerate(labels):
        if not isinstance(label, str):
            continue
        if label in seen:
            yield (*path, at), f"the label `{label}` stands twice in group_by"
        seen.add(label)
    if written.ALL_LABELS in labels and len(labels) > 1:
        yield path, "`...` in group_by means all labels: no other may stand beside it"
