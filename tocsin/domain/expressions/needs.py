"""What must hold for an expression to be true, as far as plain equalities say it: for an index."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.domain.expressions import tree
from tocsin.domain.expressions.tree import Node

#: Names (such as `source` or `labels.x`) with the texts of which one must be there.
Needs = Mapping[str, frozenset[str]]


def of(node: Node) -> Needs:
    """All equalities without which the expression cannot hold; a path is told as `labels.x`."""
    match node:
        case tree.Joined(op="and", parts=parts):
            return _both([of(part) for part in parts])
        case tree.Joined(parts=parts):
            return _either([of(part) for part in parts])
        case tree.Binary(op="==", left=left, right=right):
            return _equal(left, right) or _equal(right, left)
        case tree.Binary(op="in", left=left, right=tree.Listed(items=items)):
            return _among(left, items)
    return {}


def _equal(path: Node, value: Node) -> Needs:
    return _among(path, (value,))


def _among(path: Node, items: tuple[Node, ...]) -> Needs:
    """Only texts: numbers and durations may be written in many ways."""
    name = path_of(path)
    texts = [item.value for item in items if isinstance(item, tree.Literal) and item.kind == "text"]
    return {name: frozenset(texts)} if name and len(texts) == len(items) else {}


def path_of(node: Node) -> str:
    """The name that a node reads, or "" where it is no plain name."""
    match node:
        case tree.Named(name=name):
            return name
        case tree.Got(of=tree.Named(name=name), key=str(key)):
            return f"{name}.{key}"
    return ""


def _both(all_of: list[Needs]) -> Needs:
    found: dict[str, frozenset[str]] = {}
    for each in all_of:
        for name, texts in each.items():
            found[name] = found[name] & texts if name in found else texts
    return found


def _either(one_of: list[Needs]) -> Needs:
    shared = set.intersection(*(set(each) for each in one_of))
    return {name: frozenset().union(*(each[name] for each in one_of)) for name in shared}
