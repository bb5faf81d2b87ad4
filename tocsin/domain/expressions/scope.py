"""What an expression may name: values with their kinds, and functions."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tocsin.domain.expressions.kinds import Kind


@dataclass(frozen=True, slots=True)
class Name:
    """A value that an expression may name; `read` takes it from what the expression is run on.

    A "texts" gives a mapping of texts and a "json" what the JSON parser gives; a "severity" gives
    its rank, a "duration" seconds, and None is a value that is not there. `choices` are all the
    texts that it can be, where they are known.
    """

    kind: Kind
    read: Callable[[Any], Any]
    choices: tuple[str, ...] = ()


class Function(Protocol):
    """A function: kinds of its arguments ("any" takes all), kind of its value, and itself.

    Arguments are read as the kinds that it takes; one that cannot be read is None. The first
    argument of `call` is what the expression is run on.
    """

    TAKES: tuple[Kind, ...]
    GIVES: Kind

    @staticmethod
    def call(subject: Any, *arguments: Any) -> Any:
        """The value; None where there is none."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Names and functions; `stray` says of an unknown name what to write instead, or nothing."""

    names: Mapping[str, Name]
    functions: Mapping[str, Any] = field(default_factory=dict)
    stray: Callable[[str], str] = lambda name: ""

    def unknown(self, name: str) -> str:
        """What to say of a name that is not there."""
        return near(name, [*self.names, *self.functions]) or self.stray(name) or among(self.names)


def near(word: str, known: Iterable[str]) -> str:
    """`: did you mean ...?` where something known is much like the word."""
    found = difflib.get_close_matches(word[:100].lower(), list(known), n=1, cutoff=0.7)
    return f": did you mean `{found[0]}`?" if found else ""


def among(known: Iterable[str]) -> str:
    """All that is known."""
    listed = ", ".join(f"`{name}`" for name in list(known)[:20])
    return f": there is {listed}" if listed else ""
