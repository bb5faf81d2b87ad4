"""A document written by hand, as it were: YAML with comments that say where a thing came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][\w./@+-]*( [\w./@+-]+)*", re.ASCII)
#: What means something else where it stands without quotes, in either version of YAML.
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_DURATION = re.compile(r"([0-9]+(ms|[ywdhms]))+", re.ASCII)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Said:
    """A value and the comment above it."""

    value: Any
    comment: str


def document(comment: str, sections: dict[str, Any]) -> str:
    """The text; sections that are empty are left out."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    for key, value in sections.items():
        if value not in ({}, [], None):
            lines += ["", *_pair(key, value, 0)]
    return "\n".join(lines) + "\n"


def scalar(value: Any) -> str:
    """On one line, so that it is read as what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain or _DURATION.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    if '"' in text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_ESCAPES.get(char) or _visible(char) for char in text) + '"'


def _visible(char: str) -> str:
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _pair(key: str, value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Said):
        yield from _comment(value.comment, pad)
        value = value.value
    name = f"{pad}{scalar(key)}:"
    if isinstance(value, dict) and value:
        yield name
        for inner, child in value.items():
            yield from _pair(inner, child, depth + 1)
    elif isinstance(value, list) and value and not _flat(value, len(name)):
        yield name
        for each in value:
            yield from _item(each, depth + 1)
    elif isinstance(value, str) and _block(value):
        yield f"{name} |-" if not value.endswith("\n") else f"{name} |"
        for line in value.removesuffix("\n").split("\n"):
            yield f"{pad}  {line}".rstrip(" ") if not line else f"{pad}  {line}"
    else:
        yield f"{name} {_inline(value)}"


def _item(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Said):
        yield from _comment(value.comment, pad)
        value = value.value
    if not isinstance(value, dict) or not value:
        yield f"{pad}- {_inline(value)}"
        return
    lines: list[str] = []
    for inner, child in value.items():
        lines += _pair(inner, child, depth + 1)
    # The first line that is no comment takes the dash; comments go above it.
    first = next(at for at, line in enumerate(lines) if not line.lstrip().startswith("# "))
    yield from (pad + line.lstrip() for line in lines[:first])
    yield f"{pad}- {lines[first].lstrip()}"
    yield from lines[first + 1 :]


def _comment(text: str, pad: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"{pad}# {''.join(char if char.isprintable() else '?' for char in line)}"


def _flat(value: list[Any], indent: int) -> bool:
    return (
        all(isinstance(each, str | int) for each in value) and indent + len(_inline(value)) < _WIDTH
    )


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_inline(each) for each in value)}]"
    return "{}" if value == {} else scalar(value)


def _block(text: str) -> bool:
    lines = text.split("\n")
    return (
        len(lines) > 1
        and not text.endswith("\n\n")
        and bool(lines[0])
        and not lines[0][0].isspace()
        and all(line.isprintable() for line in lines)
        and text.strip() != ""
    )
