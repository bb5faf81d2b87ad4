"""What no schema can say about escalations: names that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tocsin.config import plain, problems

Problem = tuple[problems.Path, str]

#: Where the target of a step is defined.
_SECTIONS = {"person": "people", "team": "teams", "schedule": "schedules", "receiver": "receivers"}


def problems_of(document: Any) -> Iterator[Problem]:
    """Each problem with its path; parts that have not the right form are passed over."""
    if not isinstance(document, dict):
        return
    known = {section: plain.names(document, section) for section in
             ("escalations", "holidays", *_SECTIONS.values())}  # fmt: skip
    yield from plain.twice(document, "escalations", "name")
    yield from plain.twice(document, "schedules", "name")
    for at, receiver in plain.dicts(document, "receivers"):
        path = ("receivers", at, "escalation")
        yield from _leads(receiver.get("escalation"), "escalations", known, path)
    for at, escalation in plain.dicts(document, "escalations"):
        for index, step in plain.dicts(escalation, "steps"):
            yield from _step(step, known, ("escalations", at, "steps", index))


def _step(
    step: dict[str, Any], known: dict[str, list[str]], path: problems.Path
) -> Iterator[Problem]:
    for index, target in plain.dicts(step, "notify"):
        for kind, section in _SECTIONS.items():
            yield from _leads(target.get(kind), section, known, (*path, "notify", index, kind))
    when = step.get("when")
    for key in ("holiday", "not_holiday"):
        name = when.get(key) if isinstance(when, dict) else None
        yield from _leads(name, "holidays", known, (*path, "when", key))


def _leads(
    name: Any, section: str, known: dict[str, list[str]], path: problems.Path
) -> Iterator[Problem]:
    if isinstance(name, str) and name not in known[section]:
        yield path, f"there is no `{name}` in {section}" + problems.suggest(name, known[section])
