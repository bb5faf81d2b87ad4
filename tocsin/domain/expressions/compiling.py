"""From a tree to closures: each name is looked up and each kind checked once, when it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tocsin.domain.expressions import operators, tree, values
from tocsin.domain.expressions.kinds import OPEN, SAID, Kind, bad
from tocsin.domain.expressions.operators import Code, Run
from tocsin.domain.expressions.scope import Name, Scope
from tocsin.domain.expressions.tree import Node


class Compiler:
    """Compiles within one scope, and remembers what the expression uses."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.uses: set[str] = set()
        #: Seconds that a function looks back, by the name of the function.
        self.windows: list[float] = []
        self._by_node: dict[type[Any], Callable[[Any], Code]] = {
            tree.Literal: self._literal,
            tree.Listed: self._list,
            tree.Named: self._named,
            tree.Got: self._got,
            tree.Called: self._called,
            tree.Unary: self._unary,
            tree.Binary: self._binary,
            tree.Joined: self._joined,
        }

    def code(self, node: Node) -> Code:
        """The node, ready to run. Raises ValueError with column and hint."""
        made: Code = self._by_node[type(node)](node)
        return made

    def _literal(self, node: tree.Literal) -> Code:
        return operators.constant(node.at, node.kind, node.value)

    def _list(self, node: tree.Listed) -> Code:
        items = tuple(self.code(item) for item in node.items)
        for item in items:
            if not item.constant:
                raise bad(item.at, "a list holds texts, numbers or durations, not expressions")
        held = [item.value for item in items]
        return Code(node.at, "list", lambda _: held, items=items)

    def _named(self, node: tree.Named) -> Code:
        at, name = node.at, node.name
        found = self._found(at, name)
        if found.kind == "texts":
            raise bad(at, f'`{name}` holds many: write {name}.x or {name}["any name"]')
        return Code(at, found.kind, found.read, choices=found.choices)

    def _found(self, at: int, name: str) -> Name:
        found = self._scope.names.get(name)
        if found is None:
            if name in self._scope.functions:
                raise bad(at, f"`{name}` is a function: write {name}(...)")
            raise bad(at, f"unknown name `{name[:60]}`{self._scope.unknown(name)}")
        self.uses.add(name)
        return found

    def _got(self, node: tree.Got) -> Code:
        key = node.key
        if isinstance(node.of, tree.Named):
            found = self._found(node.of.at, node.of.name)
            if found.kind == "texts":
                return self._entry(node, found)
        of = self.code(node.of)
        if of.kind != "json":
            raise bad(node.key_at, f"{SAID[of.kind]} has no parts: nothing can be taken from it")
        run = of.run
        return Code(node.at, "json", lambda subject: values.at(run(subject), key))

    def _entry(self, node: tree.Got, of: Name) -> Code:
        key, read = node.key, of.read
        if not isinstance(key, str):
            raise bad(node.key_at, 'expected a name in quotes, such as ["instance"]')
        return Code(node.at, "label", lambda subject: read(subject).get(key))

    def _called(self, node: tree.Called) -> Code:
        function = self._scope.functions.get(node.name)
        if function is None:
            said = self._scope.unknown(node.name) if self._scope.functions else ""
            raise bad(node.at, f"unknown function `{node.name[:60]}`{said}")
        takes: tuple[Kind, ...] = function.TAKES
        if len(node.arguments) != len(takes):
            wanted = ", ".join(SAID[kind] for kind in takes) or "nothing"
            raise bad(node.at, f"`{node.name}` takes {len(takes)}: {wanted}")
        codes = [self.code(argument) for argument in node.arguments]
        runs = [self._argument(node.name, *pair) for pair in zip(codes, takes, strict=True)]
        if (window := getattr(function, "WINDOW", None)) is not None:
            self._remember(node.name, codes[window])
        return Code(node.at, function.GIVES, _call(function.call, runs))

    def _argument(self, name: str, code: Code, kind: Kind) -> Run:
        if kind not in ("any", code.kind) and code.kind not in OPEN:
            raise bad(code.at, f"`{name}` takes {SAID[kind]} here, not {SAID[code.kind]}")
        return operators.as_kind(code, kind)

    def _remember(self, name: str, code: Code) -> None:
        if not (code.constant and code.value > 0):
            raise bad(code.at, f"`{name}` looks back over a fixed time: write a duration, as 10m")
        self.windows.append(code.value)

    def _unary(self, node: tree.Unary) -> Code:
        of = self.code(node.of)
        if node.op == "not":
            holds = operators.condition(of)
            return Code(node.at, "boolean", lambda subject: not holds(subject))
        nothing = operators.constant(node.at, "number", 0.0)
        return Code(node.at, "number", operators.count(node.at, "-", nothing, of))

    def _binary(self, node: tree.Binary) -> Code:
        left, right, op = self.code(node.left), self.code(node.right), node.op
        if op in ("+", "-", "*", "/"):
            return Code(tree.start(node), "number", operators.count(node.at, op, left, right))
        if op == "in":
            run = operators.within(node.at, left, right)
        elif op == "contains":
            run = operators.contains(node.at, left, right)
        elif op == "matches":
            run = operators.match(left, right)
        else:
            run = operators.compare(node.at, op, left, right)
        return Code(tree.start(node), "boolean", run)

    def _joined(self, node: tree.Joined) -> Code:
        runs = [operators.condition(self.code(part)) for part in node.parts]
        return Code(tree.start(node), "boolean", _all(runs) if node.op == "and" else _any(runs))


def _call(call: Any, runs: list[Run]) -> Run:
    return lambda subject: call(subject, *[run(subject) for run in runs])


def _all(runs: list[Run]) -> Run:
    def run(subject: Any) -> bool:
        return all(each(subject) for each in runs)

    return run


def _any(runs: list[Run]) -> Run:
    def run(subject: Any) -> bool:
        return any(each(subject) for each in runs)

    return run


def wanted(code: Code, kind: Kind) -> Run:
    """The whole as the kind that is asked of it: a condition, a text, or any value."""
    if kind == "boolean":
        return operators.condition(code)
    if kind in ("any", code.kind):
        return code.run
    if code.kind in OPEN and kind in values.AS:
        return operators.as_kind(code, kind)
    raise bad(code.at, f"expected {SAID[kind]}, this is {SAID[code.kind]}")
