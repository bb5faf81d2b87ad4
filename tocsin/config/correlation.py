"""From the correlation rules of a policy document to those that the incidents are joined by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.correlation import Correlation
from tocsin.config import problems
from tocsin.domain import correlation, matchers

Problem = tuple[problems.Path, str]


def rules(written: Sequence[Correlation]) -> tuple[correlation.Rule, ...]:
    """The rules of a checked document, in their order."""
    return tuple(
        correlation.Rule(
            name=each.name,
            labels=tuple(each.labels),
            hops=each.services.hops if each.services else None,
            window=each.window,
            matchers=tuple(one for text in each.matchers for one in matchers.parse_list(text)),
        )
        for each in written
    )


def rule_problems(plain: Any) -> Iterator[Problem]:
    """Rules that say nothing, say it twice, or ask for a service map that is not there."""
    section = plain.get("incidents") if isinstance(plain, dict) else None
    found = section.get("correlate") if isinstance(section, dict) else None
    names: set[str] = set()
    for at, rule in enumerate(found if isinstance(found, list) else ()):
        if not isinstance(rule, dict):
            continue
        path: problems.Path = ("incidents", "correlate", at)
        name = rule.get("name")
        if isinstance(name, str):
            if name in names:
                yield (*path, "name"), f"two correlation rules are called `{name}`"
            names.add(name)
        yield from _subject(rule, path, has_map=bool(plain.get("services")))
        yield from _matchers(rule.get("matchers"), (*path, "matchers"))


def _subject(rule: dict[str, Any], path: problems.Path, *, has_map: bool) -> Iterator[Problem]:
    labels, services = rule.get("labels"), rule.get("services")
    if bool(labels) == (services is not None):
        yield path, "a correlation rule has either `labels` or `services`: write one of them"
    if services is not None and not has_map:
        yield (*path, "services"), "there is no service map: write the section `services`"
    seen: set[str] = set()
    for at, label in enumerate(labels if isinstance(labels, list) else ()):
        if isinstance(label, str) and label in seen:
            yield (*path, "labels", at), f"the label `{label}` stands twice in labels"
        elif isinstance(label, str):
            seen.add(label)


def _matchers(texts: Any, path: problems.Path) -> Iterator[Problem]:
    for at, text in enumerate(texts if isinstance(texts, list) else ()):
        if isinstance(text, str):
            try:
                matchers.parse_list(text)
            except ValueError as error:
                yield (*path, at), str(error)
