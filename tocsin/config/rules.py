"""The rules of a document: what is wrong with them, and from what is written to what runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from schemas import rules as written
from tocsin.config import problems
from tocsin.domain import expressions, rules, windows

Problem = tuple[problems.Path, str]

#: Of these a rule has one at most.
WINDOWS = ("for", "count", "absent", "sequence")
#: What conditions of the first kind may not stand beside.
_COUNTED = ("count", "absent", "sequence")


def problems_of(document: Any) -> Iterator[Problem]:
    """What no schema can say about the rules of a document as it was written."""
    listed = document.get("rules") if isinstance(document, dict) else None
    scope, seen = rules.scope(), set()
    for at, rule in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(rule, dict):
            continue
        path = ("rules", at)
        name = rule.get("name")
        if isinstance(name, str) and name in seen:
            yield (*path, "name"), f"two rules are called `{name}`: explanations name them"
        seen.add(name if isinstance(name, str) else "")
        yield from _conditions(rule, path, scope)
        yield from _windows(rule, path)
        yield from _effects(rule, path)


def _conditions(rule: dict[str, Any], path: problems.Path, scope: Any) -> Iterator[Problem]:
    sequence = rule.get("sequence")
    second = sequence.get("then") if isinstance(sequence, dict) else None
    for text, where in ((rule.get("when"), ("when",)), (second, ("sequence", "then"))):
        if not isinstance(text, str):
            continue
        try:
            found = expressions.parse(text, scope)
        except ValueError as error:
            yield (*path, *where), f"`{problems.place((*path, *where))}`: {error}"
            continue
        if found.windows and any(rule.get(key) for key in _COUNTED):
            said = "functions that look back, as rate(), cannot stand beside count, absent or"
            yield (*path, *where), f"{said} sequence: make it two rules"


def _windows(rule: dict[str, Any], path: problems.Path) -> Iterator[Problem]:
    present = [key for key in WINDOWS if rule.get(key) is not None]
    if len(present) > 1:
        said = " and ".join(f"`{key}`" for key in present)
        yield (*path, present[1]), f"a rule has one of for, count, absent, sequence, not {said}"


def _effects(rule: dict[str, Any], path: problems.Path) -> Iterator[Problem]:
    then = rule.get("then")
    if not isinstance(then, dict):
        return
    if not any(then.values()):
        yield (*path, "then"), "`then` does nothing: give it severity, labels, raise, drop or route"
    if rule.get("absent") is not None and set(then) - {"raise"}:
        said = "what is absent cannot be changed: a rule with `absent` can only `raise`"
        yield (*path, "then"), said
    labels = then.get("labels")
    if isinstance(labels, dict) and "severity" in labels:
        yield (*path, "then", "labels", "severity"), "write `severity:` directly under `then`"


def compiled(listed: Sequence[written.Rule]) -> rules.Rules:
    """The rules of a document that was found good."""
    if not listed:
        return rules.Rules()
    scope = rules.scope()
    return rules.compiled(tuple(_rule(one, scope) for one in listed))


def _rule(one: written.Rule, scope: expressions.Scope) -> rules.Rule:
    when = expressions.parse(one.when, scope)
    then = expressions.parse(one.sequence.then, scope) if one.sequence else None
    keyed = one.count or one.absent or one.sequence
    text = one.model_dump_json(by_alias=True)
    return rules.Rule(
        id=hashlib.sha256(text.encode()).hexdigest()[:16],
        name=one.name,
        when=when,
        window=_window(one, when),
        effects=_compiled_effects(one.then),
        then=then,
        by=tuple(sorted(set(keyed.by))) if keyed else None,
        without_score=None if one.without_score == "skip" else one.without_score,
    )


def _window(one: written.Rule, when: expressions.Expression) -> windows.Window:
    if one.count:
        return windows.Counted(one.count.at_least, windows.length(one.count.within))
    if one.absent:
        return windows.Absent(windows.length(one.absent.for_))
    if one.sequence:
        return windows.Followed(windows.length(one.sequence.within))
    look_back = round(max(when.windows, default=0) * 1_000_000)
    return windows.Holds(windows.length(one.for_) if one.for_ else 0, look_back)


def _compiled_effects(then: written.Then) -> rules.Effects:
    labels = dict(then.labels)
    if then.severity:
        labels["severity"] = then.severity
    if then.route:
        labels[rules.HINT] = then.route
    raises = None
    if then.raise_:
        notes = {"summary": then.raise_.summary, "description": then.raise_.description}
        raises = rules.Raise(
            alertname=then.raise_.alertname,
            severity=then.raise_.severity,
            labels=then.raise_.labels,
            annotations={name: text for name, text in notes.items() if text},
        )
    return rules.Effects(labels=labels, drop=then.drop, raises=raises)
