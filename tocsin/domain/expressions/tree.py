"""What an expression consists of once it is read, before anybody asked whether it makes sense."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.domain.expressions.kinds import Kind, Value

#: How deep an expression may be nested, and of how many parts it may consist.
MAX_DEPTH = 24
MAX_NODES = 400


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text; durations are seconds."""

    at: int
    kind: Kind
    value: Value


@dataclass(frozen=True, slots=True)
class Listed:
    """`[a, b]`."""

    at: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A name of the scope."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Got:
    """`of.key` or `of[key]`; `key_at` is where the key stands."""

    at: int
    of: Node
    key: str | int
    key_at: int


@dataclass(frozen=True, slots=True)
class Called:
    """`name(arguments)`."""

    at: int
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`not of` or `-of`."""

    at: int
    op: str
    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison or an arithmetical operation; `at` is where the operator stands."""

    at: int
    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Joined:
    """`a and b and c`, or the same with `or`."""

    at: int
    op: str
    parts: tuple[Node, ...]


Node = Literal | Listed | Named | Got | Called | Unary | Binary | Joined


def children(node: Node) -> tuple[Node, ...]:
    """The parts of which a node is made."""
    match node:
        case Listed(items=parts) | Called(arguments=parts) | Joined(parts=parts):
            return parts
        case Got(of=of) | Unary(of=of):
            return (of,)
        case Binary(left=left, right=right):
            return (left, right)
    return ()


def start(node: Node) -> int:
    """Where the text of a node begins."""
    while isinstance(node, Binary | Joined):
        node = node.left if isinstance(node, Binary) else node.parts[0]
    return node.at
