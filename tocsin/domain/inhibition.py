"""Which alerts make others redundant: Alertmanager's inhibition, asked by key instead of by search.

An alert that a rule's source matches is kept under the rule and the values of its `equal` labels.
Whether a target is inhibited is then one look under the same key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin.domain import matchers

#: What stands before a fingerprint where it is said what holds an alert back.
PREFIX = "inhibitor:"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `name` is for people, `id` the same as long as it says the same."""

    name: str
    source: tuple[matchers.Matcher, ...]
    target: tuple[matchers.Matcher, ...]
    equal: tuple[str, ...]
    id: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        parts = (matchers.render(self.source), matchers.render(self.target), *sorted(self.equal))
        object.__setattr__(self, "id", _digest(parts))

    @property
    def key(self) -> str:
        """What a rule is known by where policies are compared."""
        return self.name


class Source(NamedTuple):
    """An alert that inhibits, and by which rule and values; `two_sided`: it is a target too."""

    rule: str
    equals: str
    two_sided: bool


class Question(NamedTuple):
    """What a target asks: does something fire under this key?

    `one_sided`: only what is no target itself counts, for the target would inhibit in turn.
    """

    rule: str
    equals: str
    one_sided: bool


class Hold(NamedTuple):
    """What inhibits an alert: the fingerprint of another that fires, and by which rule."""

    source: str
    rule: str


def sources(rules: Iterable[Rule], labels: Mapping[str, str]) -> Iterator[Source]:
    """The keys under which an alert with these labels inhibits while it fires."""
    for rule in rules:
        if matchers.matches(rule.source, labels):
            both = matchers.matches(rule.target, labels)
            yield Source(rule.id, _equals(rule, labels), both)


def questions(rules: Iterable[Rule], labels: Mapping[str, str]) -> Iterator[tuple[Rule, Question]]:
    """Under which keys to look for what inhibits an alert with these labels, rule by rule."""
    for rule in rules:
        if matchers.matches(rule.target, labels):
            both = matchers.matches(rule.source, labels)
            yield rule, Question(rule.id, _equals(rule, labels), both)


def _equals(rule: Rule, labels: Mapping[str, str]) -> str:
    return _digest([labels.get(name, "") for name in sorted(rule.equal)])


def _digest(parts: Iterable[str]) -> str:
    """Short, so that it can be indexed however long the values are."""
    digest = hashlib.blake2b(digest_size=16, person=b"tocsin inhibit")
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()
