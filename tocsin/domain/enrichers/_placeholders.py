"""Text with placeholders: `{labels.service}-team`, `{annotations.host|unknown}`, `{severity}`.

Nothing but this can stand between braces, so a text is checked when the policy is applied, and what
an alert says is only ever a value. `{{` and `}}` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tocsin.domain import enrichers

MAX_TEXT = 4096

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_MAPS = ("labels", "annotations", "facts")
_WORDS = ("severity", "source")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{group.name|default}`; without a default the whole text needs the value."""

    group: str
    name: str = ""
    default: str | None = None

    def value(self, known: enrichers.Known) -> str | None:
        found = getattr(known, self.group)
        value: str | None = found.get(self.name) if self.group in _MAPS else found
        return value or self.default


@dataclass(frozen=True, slots=True)
class Text:
    """A text that was read: what stands there and what is put in."""

    parts: tuple[str | Placeholder, ...]

    def render(
        self, known: enrichers.Known, quote: Callable[[str], str] | None = None
    ) -> str | None:
        """The text with its values, each through ``quote``; None where one is not known."""
        made = []
        for part in self.parts:
            if isinstance(part, str):
                made.append(part)
                continue
            value = part.value(known)
            if value is None:
                return None
            made.append(quote(value) if quote else value)
        return "".join(made)

    @property
    def head(self) -> str:
        """What stands before the first placeholder."""
        first = self.parts[0] if self.parts else ""
        return first if isinstance(first, str) else ""


def parse(text: str) -> Text:
    """Read a text. Raises ValueError that says which placeholder cannot be read and why."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"the text is longer than {MAX_TEXT} characters")
    parts: list[str | Placeholder] = []
    for found in _PART.finditer(text):
        piece = found[0]
        if piece in ("{", "}"):
            raise ValueError(
                f"a brace stands alone at position {found.start() + 1}: write {{{{ or }}}} for one"
            )
        if found[1] is not None:
            parts.append(_placeholder(found[1]))
        else:
            plain = piece.replace("{{", "{").replace("}}", "}")
            last = parts.pop() if parts and isinstance(parts[-1], str) else ""
            parts.append(f"{last}{plain}")
    return Text(tuple(parts))


def checked(text: str) -> str:
    """The text itself, for a field of settings; raises ValueError as `parse` does."""
    parse(text)
    return text


def _placeholder(inner: str) -> Placeholder:
    path, bar, default = inner.partition("|")
    group, dot, name = path.strip().partition(".")
    if (group in _MAPS and name) or (group in _WORDS and not dot):
        return Placeholder(group, name, default if bar else None)
    raise ValueError(
        f"the placeholder {{{inner[:100]}}} is not one: write {{labels.name}}, "
        "{annotations.name}, {facts.name}, {severity} or {source}"
    )
