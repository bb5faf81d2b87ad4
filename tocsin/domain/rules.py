"""A tenant's rules: what they look at, which of them an alert meets, and what they do to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.alert import SEVERITY_RANK, Severity
from tocsin import plugins
from tocsin.domain import severity, windows
from tocsin.domain.change import Change, effective
from tocsin.domain.expressions import Expression, Name, Scope, values

#: The label that a route hint sets; a route asks for it as for any other.
HINT = "route_hint"
#: The source of raised alerts; rules that raise do not see them, so that nothing goes in circles.
RAISED = "rule"
#: The sources of what nobody posted.
OWN = frozenset({"tocsin", RAISED})
SCORE = "anomaly_score"


@dataclass(slots=True)
class Subject:
    """What the conditions see of an alert: as enrichment left it, before any rule."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    extra: Mapping[str, str]
    severity: Severity
    status: str
    source: str
    age: float
    score: float | None = None
    #: When what was counted for the rule that is asked right now; None: nobody counted.
    counted: tuple[windows.State, int] | None = None

    def signs(self, seconds: float) -> int | None:
        """How often the alert came in so many seconds up to now."""
        if self.counted is None:
            return None
        state, now = self.counted
        return windows.came(state, now, round(seconds * 1_000_000))


def subject(change: Change, now: datetime) -> Subject:
    """The alert of a change as the conditions see it."""
    labels = effective(change.labels, change.added, {})
    return Subject(
        labels=labels,
        annotations=change.annotations,
        extra=change.extra,
        severity=_before_rules(change, labels),
        status=change.status,
        source=change.source,
        age=max(0.0, (now - change.starts_at).total_seconds()),
        score=values.number(change.extra.get(SCORE)),
    )


def _before_rules(change: Change, labels: Mapping[str, str]) -> Severity:
    """What a sender said counts; what is read back from the record may already be a rule's word."""
    if change.kind in ("new", "refired") and not change.added:
        return change.severity
    return severity.of(labels)


_NAMES = {
    "severity": Name("severity", lambda s: float(SEVERITY_RANK[s.severity])),
    "status": Name("text", lambda s: s.status, ("firing", "resolved")),
    "source": Name("text", lambda s: s.source),
    "alertname": Name("text", lambda s: s.labels.get("alertname", "")),
    "age": Name("duration", lambda s: s.age),
    SCORE: Name("number", lambda s: s.score),
    "labels": Name("texts", lambda s: s.labels),
    "annotations": Name("texts", lambda s: s.annotations),
    "extra": Name("texts", lambda s: s.extra),
}


def scope() -> Scope:
    """What a condition of a rule may name."""
    functions = plugins.load("tocsin.domain.functions", ("TAKES", "GIVES", "call"))
    return Scope(_NAMES, functions, _stray)


def _stray(name: str) -> str:
    if name in SEVERITY_RANK or name in ("firing", "resolved"):
        return f': write "{name}" in quotes'
    return f": write labels.{name}, or annotations.{name} or extra.{name}"


@dataclass(frozen=True, slots=True)
class Raise:
    """An alert of its own that stands while the rule is on."""

    alertname: str
    severity: Severity | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Effects:
    """What a rule does while it is on."""

    labels: Mapping[str, str] = field(default_factory=dict)
    drop: str | None = None
    raises: Raise | None = None

    @property
    def touch(self) -> bool:
        """Whether they change the alerts that the rule is about."""
        return bool(self.labels) or self.drop is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, compiled. `id` is made of all that it says: a changed rule is another one.

    ``by`` are the labels whose values keep states apart; None: each alert has its own.
    ``without_score`` stands for a score that is not known; None: the condition does not hold then.
    """

    id: str = field(compare=False)
    name: str
    when: Expression
    window: windows.Window
    effects: Effects
    then: Expression | None = None
    by: tuple[str, ...] | None = None
    without_score: float | None = None

    @property
    def remembers(self) -> bool:
        """Whether it needs a state at all."""
        plain = isinstance(self.window, windows.Holds) and not self.window.span
        return not plain or self.looks_back or self.effects.raises is not None

    @property
    def looks_back(self) -> bool:
        return isinstance(self.window, windows.Holds) and self.window.look_back > 0

    @property
    def counts(self) -> bool:
        """Whether repeats matter to it."""
        return not isinstance(self.window, windows.Holds) or self.looks_back

    def holds(self, about: Subject) -> bool:
        return self._ask(self.when, about)

    def follows(self, about: Subject) -> bool:
        """Whether it is the second step of a sequence."""
        return self.then is not None and self._ask(self.then, about)

    def key(self, mark: str, about: Subject) -> str:
        """Which of its states an alert belongs to: its own, or that of all with these values."""
        if self.by is None:
            return mark
        held = json.dumps([about.labels.get(name, "") for name in self.by])
        return "by:" + hashlib.sha256(held.encode("utf-8", "replace")).hexdigest()[:32]

    def labels(self, about: Subject) -> dict[str, str]:
        """What a state must know to raise: the values of its key, or all labels of its alert."""
        if self.effects.raises is None:
            return {}
        if self.by is None:
            return dict(about.labels)
        return {name: about.labels[name] for name in self.by if about.labels.get(name)}

    def _ask(self, expression: Expression, about: Subject) -> bool:
        if SCORE not in expression.uses or about.score is not None:
            return bool(expression.run(about))
        if self.without_score is None:
            return False
        about.score = self.without_score
        try:
            return bool(expression.run(about))
        finally:
            about.score = None


def raised_labels(rule: Rule, held: Mapping[str, str]) -> dict[str, str]:
    """The labels of the alert that a rule raises, from what its state knows."""
    raises = rule.effects.raises
    assert raises is not None
    labels = {**held, "alertname": raises.alertname, **raises.labels}
    if raises.severity:
        labels["severity"] = raises.severity
    return {name: value for name, value in labels.items() if value}


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a tenant in the order of the document, with an index by what they ask first."""

    rules: tuple[Rule, ...] = ()
    by_id: Mapping[str, Rule] = field(default_factory=dict, compare=False)
    #: name -> value -> numbers of the rules that can only hold with it
    index: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict, compare=False)
    always: tuple[int, ...] = field(default=(), compare=False)
    counts: bool = field(default=False, compare=False)
    remembers: bool = field(default=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def candidates(self, about: Subject) -> list[Rule]:
        """The rules that this alert can meet at all, in the order of the document."""
        numbers = set(self.always)
        for name, by_value in self.index.items():
            numbers.update(by_value.get(_text(about, name), ()))
        found = [self.rules[number] for number in sorted(numbers)]
        if about.source == RAISED:
            return [rule for rule in found if rule.effects.raises is None]
        return found


def compiled(rules: tuple[Rule, ...]) -> Rules:
    """The rules with their index: each stands under its most telling equality."""
    index: dict[str, dict[str, list[int]]] = {}
    always: list[int] = []
    for number, rule in enumerate(rules):
        needed = [_telling(rule.when), *([_telling(rule.then)] if rule.then else [])]
        if not all(needed):
            always.append(number)
            continue
        for name, texts in filter(None, needed):
            for text in texts:
                under = index.setdefault(name, {}).setdefault(text, [])
                if number not in under[-1:]:
                    under.append(number)
    return Rules(
        rules=rules,
        by_id={rule.id: rule for rule in rules},
        index={
            name: {text: tuple(some) for text, some in by_value.items()}
            for name, by_value in index.items()
        },
        always=tuple(always),
        counts=any(rule.counts for rule in rules),
        remembers=any(rule.remembers for rule in rules),
    )


#: Of equally short lists of values the one whose name tells most apart.
_FIRST = ("alertname", "labels.alertname")
_LAST = ("status", "severity", "source")


def _telling(expression: Expression) -> tuple[str, frozenset[str]] | None:
    def rank(item: tuple[str, frozenset[str]]) -> tuple[int, int, str]:
        name, texts = item
        order = 0 if name in _FIRST else 2 if name in _LAST else 1
        return order, len(texts), name

    return min(expression.needs.items(), key=rank, default=None)


def _text(about: Subject, name: str) -> str:
    """What an alert has under a name of the index; empty where it has nothing."""
    whole, _, part = name.partition(".")
    if part:
        held: Mapping[str, Any] = getattr(about, whole)
        return str(held.get(part, ""))
    if name == "alertname":
        return about.labels.get("alertname", "")
    return str(getattr(about, name))
