"""What the operators mean for which kinds.

What is absent is the empty text where a text is asked, as in matchers; every comparison with
anything else is false for what is absent or cannot be read, `!=` too: nobody is paged by a gap.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.alert import SEVERITY_RANK
from tocsin.domain import matchers
from tocsin.domain.expressions import scope, values
from tocsin.domain.expressions.kinds import OPEN, SAID, Kind, Value, bad

Run = Callable[[Any], Value]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED = frozenset({"number", "duration", "severity"})
_COUNT: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Code:
    """A part of an expression, ready to run; a constant has its `value` already."""

    at: int
    kind: Kind
    run: Run
    constant: bool = False
    value: Value = None
    choices: tuple[str, ...] = ()
    #: The parts of a list that stands in the text.
    items: tuple[Code, ...] = ()


def constant(at: int, kind: Kind, value: Value) -> Code:
    return Code(at, kind, lambda _: value, constant=True, value=value)


def as_kind(code: Code, kind: Kind) -> Run:
    """Runs the code and reads its value as this kind."""
    if kind in ("any", code.kind) or code.kind not in OPEN:
        return code.run
    run, read = code.run, values.AS[kind]
    return lambda subject: read(run(subject))


def condition(code: Code) -> Run:
    """The code as a condition."""
    if code.kind == "boolean":
        return code.run
    if code.kind == "json":
        run = code.run
        return lambda subject: run(subject) is True
    raise bad(
        code.at, f"expected a condition (true or false), this is {SAID[code.kind]}: compare it"
    )


def compare(at: int, op: str, left: Code, right: Code) -> Run:
    """`left op right`; raises ValueError where the two cannot be compared."""
    left, right = _chosen(op, left, right), _chosen(op, right, left)
    kind = _common(at, op, left, right)
    if kind is None:
        return _alike(op, left.run, right.run)
    if op not in ("==", "!=") and kind not in _ORDERED:
        raise bad(at, f"`{op}` cannot order {SAID[kind]}: only numbers, durations and severities")
    one, other, holds = as_kind(left, kind), as_kind(right, kind), _COMPARE[op]
    if right.constant:
        return _with(one, right.value, holds)

    def run(subject: Any) -> bool:
        a, b = one(subject), other(subject)
        return a is not None and b is not None and holds(a, b)

    return run


def _with(one: Run, fixed: Value, holds: Callable[[Any, Any], bool]) -> Run:
    def run(subject: Any) -> bool:
        a = one(subject)
        return a is not None and holds(a, fixed)

    return run


def _common(at: int, op: str, left: Code, right: Code) -> Kind | None:
    """As what the two are compared; None: parts of a document, as they are."""
    kinds = {left.kind, right.kind}
    for code in (left, right):
        if code.kind in ("list", "texts", "any"):
            raise bad(code.at, f"{SAID[code.kind]} cannot be compared: use `in` or `contains`")
    closed = kinds - OPEN
    if len(closed) == 2:
        raise bad(at, _mixed(left, right))
    if closed:
        return closed.pop()
    if op not in ("==", "!="):
        return "number"
    return None if kinds == {"json"} else "text"


def _mixed(left: Code, right: Code) -> str:
    said = f"{SAID[left.kind]} cannot be compared with {SAID[right.kind]}"
    for code, other in ((left, right), (right, left)):
        if code.constant and code.kind == "text" and other.kind in ("number", "duration"):
            return f"{said}: write {str(code.value)[:40]} without quotes"
        if code.constant and code.kind == "number" and other.kind == "duration":
            return f"{said}: give it a unit, such as {code.value:g}s or {code.value:g}m"
    return said


def _alike(op: str, one: Run, other: Run) -> Run:
    wanted = op == "=="

    def run(subject: Any) -> bool:
        a, b = one(subject), other(subject)
        return bool(a == b and isinstance(a, bool) == isinstance(b, bool)) is wanted

    return run


def _chosen(op: str, code: Code, beside: Code) -> Code:
    """A text in quotes beside something of which all values are known must be one of them.

    An open value that is ordered beside the name of a severity can only be meant as one.
    """
    if not (code.constant and code.kind == "text"):
        return code
    ordered = op not in ("==", "!=") and code.value in SEVERITY_RANK
    if beside.kind == "severity" or (ordered and beside.kind in OPEN):
        if code.value not in SEVERITY_RANK:
            raise bad(code.at, _not_one(code.value, "no severity", tuple(SEVERITY_RANK)))
        return constant(code.at, "severity", float(SEVERITY_RANK[code.value]))
    if beside.choices and code.value not in beside.choices:
        raise bad(code.at, _not_one(code.value, "not possible here", beside.choices))
    return code


def _not_one(word: str, what: str, known: tuple[str, ...]) -> str:
    hint = scope.near(word, known) or scope.among(known)
    return f'"{word[:40]}" is {what}{hint}'


def within(at: int, left: Code, right: Code) -> Run:
    """`left in right`: a list in the text, or one of a document."""
    if right.kind == "json":
        return _inside(right, left)
    if right.kind != "list":
        raise bad(right.at, f'expected a list after `in`, such as ["a", "b"], not {_what(right)}')
    tests = [compare(at, "==", left, item) for item in right.items]
    if left.kind == "label" and all(i.constant and i.kind == "text" for i in right.items):
        known, text = frozenset(i.value for i in right.items), as_kind(left, "text")
        return lambda subject: text(subject) in known
    return lambda subject: any(test(subject) for test in tests)


def contains(at: int, left: Code, right: Code) -> Run:
    """`left contains right`: a part of a text, or a member of a list."""
    if left.kind == "list":
        return within(at, right, left)
    if left.kind == "json":
        return _inside(left, right)
    whole, part = _text(left, "left of `contains`"), _text(right, "right of `contains`")
    return lambda subject: (part(subject) or "") in (whole(subject) or "")


def _inside(container: Code, part: Code) -> Run:
    """In a list of a document, or in a text of it."""
    _text(part, "a member")
    whole, one = container.run, as_kind(part, "text")

    def run(subject: Any) -> bool:
        found, sought = whole(subject), one(subject)
        if isinstance(found, list):
            return sought is not None and any(
                values.text(item) == sought for item in found if item is not None
            )
        return isinstance(found, str) and sought is not None and sought in found

    return run


def match(left: Code, right: Code) -> Run:
    """`left matches "expression"`: RE2, the whole value."""
    if not (right.constant and right.kind == "text"):
        raise bad(right.at, f"expected a regular expression in quotes, not {_what(right)}")
    try:
        matcher = matchers.Matcher("x", "=~", right.value)
    except ValueError as error:
        raise bad(right.at, str(error)) from None
    text = _text(left, "left of `matches`")

    def run(subject: Any) -> bool:
        found = text(subject)
        return found is not None and matcher.matches({"x": found})

    return run


def count(at: int, op: str, left: Code, right: Code) -> Run:
    """`left op right` on numbers; None where one of them is not there."""
    for code in (left, right):
        if code.kind != "number" and code.kind not in OPEN:
            raise bad(code.at, f"`{op}` works on numbers, this is {SAID[code.kind]}")
    one, other, go = as_kind(left, "number"), as_kind(right, "number"), _COUNT[op]
    if op == "/" and right.constant and right.value == 0:
        raise bad(right.at, "nothing can be divided by zero")

    def run(subject: Any) -> float | None:
        a, b = one(subject), other(subject)
        if a is None or b is None or (op == "/" and b == 0):
            return None
        return go(a, b)

    return run


def _text(code: Code, where: str) -> Run:
    if code.kind not in ("text", "label", "json"):
        raise bad(code.at, f"expected a text {where}, not {_what(code)}")
    return as_kind(code, "text")


def _what(code: Code) -> str:
    return SAID[code.kind]
