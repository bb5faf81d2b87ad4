"""A foreign document as it is asked: each part knows its line, its place and what was not asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tocsin.config import yaml_nodes
from tocsin.config.importing.notes import Kind, Report

#: Go's YAML knows more words for yes and no than ours does.
_YES = frozenset({"true", "yes", "on", "y"})
_NO = frozenset({"false", "no", "off", "n"})


@dataclass(slots=True)
class Part:
    """A value of the document. Keys that nobody asked for are told of by `rest`."""

    node: yaml_nodes.Node
    place: str
    report: Report
    line: int
    asked: set[str] = field(default_factory=set)

    def note(self, kind: Kind, said: str) -> None:
        self.report.add(kind, self.line, self.place, said)

    def get(self, key: str) -> Part | None:
        """The value of a key; None where there is none, or it is null."""
        self.asked.add(key)
        value = self.node.value
        found = value.get(key) if isinstance(value, dict) else None
        if found is None or found.value is None:
            return None
        place = f"{self.place}.{key}" if self.place else key
        return Part(found, place, self.report, self.node.key_lines[key])

    def has(self, key: str) -> bool:
        return self.get(key) is not None

    def said(self, key: str) -> str | None:
        """The text of a scalar as it is written, or None; what is no scalar is told of."""
        part = self.get(key)
        return part.text() if part else None

    def text(self) -> str | None:
        if isinstance(self.node.value, dict | list):
            self.note("left_out", "it should be one value, and is a list or a mapping")
            return None
        return "" if self.node.value is None else self.node.text

    def flag(self, key: str, default: bool) -> bool:
        text = self.said(key)
        if text is None:
            return default
        if text.lower() in _YES | _NO:
            return text.lower() in _YES
        part = self.get(key)
        if part:
            part.note("changed", f"it is neither true nor false: taken as {str(default).lower()}")
        return default

    def each(self, key: str) -> list[Part]:
        """The entries of a list; a single value counts as a list of one."""
        part = self.get(key)
        return part.entries() if part else []

    def entries(self) -> list[Part]:
        value = self.node.value
        nodes = value if isinstance(value, list) else [self.node]
        many = isinstance(value, list)
        return [
            Part(node, f"{self.place}[{at}]" if many else self.place, self.report, node.line)
            for at, node in enumerate(nodes)
        ]

    def texts(self, key: str) -> list[str]:
        """The scalars of a list."""
        found = (part.text() for part in self.each(key))
        return [text for text in found if text is not None]

    def pairs(self) -> Iterator[tuple[str, Part]]:
        """Keys and values of a mapping."""
        value = self.node.value
        if not isinstance(value, dict):
            self.note("left_out", "it should be a mapping")
            return
        for key, node in value.items():
            line = self.node.key_lines[key]
            yield key, Part(node, f"{self.place}.{key}", self.report, line)

    def rest(self, said: str) -> bool:
        """Tell of the keys that nobody asked for, and whether there are any."""
        value = self.node.value
        unknown = [key for key in value if key not in self.asked] if isinstance(value, dict) else []
        for key in unknown:
            place = f"{self.place}.{key}" if self.place else key
            self.report.add("left_out", self.node.key_lines[key], place, said)
        return bool(unknown)
