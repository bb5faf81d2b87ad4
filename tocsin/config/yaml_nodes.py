"""YAML 1.2 as nodes that know their line, within bounds that no hostile document gets past."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

import yaml

from tocsin import errors

#: Largest document, in bytes of UTF-8.
MAX_BYTES = 1_000_000
#: Most nodes, each alias counted as all that it stands for; and how deep they may nest.
MAX_NODES = 200_000
MAX_DEPTH = 64

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: The core schema of YAML 1.2: `no`, `on`, `22:30` and dates are text.
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = dict.fromkeys(("true", "True", "TRUE"), True)
_BOOL |= dict.fromkeys(("false", "False", "FALSE"), False)
_INT = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_TAGS = {None, "!"} | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


@dataclass(slots=True)
class Node:
    """A scalar, a list of nodes or a mapping of keys to nodes, and the line where it begins.

    ``key_lines`` says where each key of a mapping stands, ``text`` how a scalar is written. An
    alias is the node that it names.
    """

    line: int
    value: Any
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 1
    text: str = ""


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being read."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_line: int = 0
    merged: list[Node] = field(default_factory=list)


def read(text: str) -> tuple[Node, list[tuple[int | None, str]]]:
    """The root of a document, and the problems after which it could still be read on.

    Raises errors.PolicyError where it could not.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        _refuse(None, f"the document is larger than {MAX_BYTES:,} bytes")
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        builder.refuse(line, f"not valid YAML: {_syntax(text, line, error)}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        builder.refuse(line, "not valid YAML: a character that must not stand in a text")
    if builder.root is None:
        _refuse(None, "the document is empty: it needs at least `route:`")
    return builder.root, builder.problems


def plain(node: Node) -> Any:
    """The value without the lines."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def line(root: Node, path: Sequence[str | int]) -> int:
    """The line of what stands at this path; where the path leads nowhere, of its last part."""
    node, found = root, root.line
    for part in path:
        if isinstance(node.value, dict) and part in node.value:
            node, found = node.value[part], node.key_lines[str(part)]
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            found = node.line
    return found


class _Builder:
    """Turns the events of the parser into nodes; no recursion, so no depth can break it."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[tuple[int | None, str]] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: yaml.Event) -> None:
        at = cast(yaml.Mark, event.start_mark).line + 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root:
            self.refuse(at, "a second document begins here: there must be only one")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, at)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self.refuse(at, f"the alias *{event.anchor} names no anchor before it")
            self._add(self._anchors[event.anchor], at)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event, at)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()

    def refuse(self, at: int | None, text: str) -> NoReturn:
        raise errors.PolicyError([*self.problems, (at, text)])

    def _scalar(self, event: yaml.ScalarEvent, at: int) -> None:
        self._check_tag(event.tag, at)
        if self._stack and self._wants_key():
            frame = self._stack[-1]
            frame.key, frame.key_line = event.value, at
            return
        bare = event.implicit[0] and event.tag is None
        node = Node(at, _core(event.value) if bare else event.value, text=event.value)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._add(node, at)

    def _open(self, event: yaml.CollectionStartEvent, at: int) -> None:
        self._check_tag(event.tag, at)
        if self._stack and self._wants_key():
            self.refuse(at, "a key must be a plain text, not a list or a mapping")
        if len(self._stack) >= MAX_DEPTH:
            self.refuse(at, f"more than {MAX_DEPTH} levels deep")
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Frame(Node(at, empty), event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        node = frame.node
        for other in frame.merged:
            for key, child in other.value.items():
                node.value.setdefault(key, child)
                node.key_lines.setdefault(key, other.key_lines[key])
        if frame.anchor:
            self._anchors[frame.anchor] = node
        self._add(node, node.line)

    def _add(self, node: Node, at: int) -> None:
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        self._grow(frame.node, node, at)
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.key is None:
            self.refuse(at, "a key must be written out, not an alias")
        else:
            self._set(frame, frame.key, node)
            frame.key = None

    def _set(self, frame: _Frame, key: str, node: Node) -> None:
        if key == "<<":
            others = node.value if isinstance(node.value, list) else [node]
            if not all(isinstance(other.value, dict) for other in others):
                self.refuse(frame.key_line, "`<<` needs a mapping or a list of mappings")
            frame.merged += others
        elif key in frame.node.value:
            first = frame.node.key_lines[key]
            self.problems.append(
                (frame.key_line, f"the key `{key[:100]}` stands here again, first in line {first}")
            )
        else:
            frame.node.value[key] = node
            frame.node.key_lines[key] = frame.key_line

    def _grow(self, parent: Node, child: Node, at: int) -> None:
        parent.size += child.size
        parent.height = max(parent.height, child.height + 1)
        if parent.size > MAX_NODES:
            self.refuse(at, f"more than {MAX_NODES:,} values, those behind aliases included")
        if len(self._stack) + child.height > MAX_DEPTH:
            self.refuse(at, f"more than {MAX_DEPTH} levels deep")

    def _wants_key(self) -> bool:
        frame = self._stack[-1]
        return isinstance(frame.node.value, dict) and frame.key is None

    def _check_tag(self, tag: str | None, at: int) -> None:
        if tag not in _TAGS:
            self.problems.append((at, f"the tag {str(tag)[:100]} is not allowed: leave it out"))


def _core(text: str) -> Any:
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _syntax(text: str, line: int | None, error: yaml.MarkedYAMLError) -> str:
    said = ", ".join(part for part in (error.context, error.problem) if part)
    lines = text.splitlines()
    if line and line <= len(lines):
        indent = lines[line - 1][: -len(lines[line - 1].lstrip()) or None]
        if "\t" in indent:
            return f"{said} (indent with spaces, not with tabs)"
    return said


def _refuse(line: int | None, text: str) -> NoReturn:
    raise errors.PolicyError([(line, text)])
