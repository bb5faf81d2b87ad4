"""Results as tables for people, JSON or YAML for programs; colour only where a person looks."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin.cli._options import Format

Row = Mapping[str, Any]

_COLOURS = {
    "critical": "bold red", "error": "red", "warning": "yellow", "dead": "bold red",
    "open": "bold red", "firing": "red", "acknowledged": "yellow", "resolved": "green",
    "sent": "green", "active": "yellow",
}  # fmt: skip

#: Parts of a second, which a person does not read and which make tables too wide.
_FRACTION = re.compile(r"(?<=:\d\d)\.\d+Z$")


def rows(found: Sequence[Row], columns: Sequence[str], output: Format) -> None:
    """Write a list. The columns of the table stay the same, so that scripts may rely on them."""
    if output is not Format.table:
        document([dict(row) for row in found], output)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in found]
    if sys.stdout.isatty():
        _for_people(columns, cells)
    else:
        _plain(columns, cells)


def one(found: Row, columns: Sequence[str], output: Format) -> None:
    """Write one thing, a line for each of its fields."""
    if output is not Format.table:
        document(dict(found), output)
        return
    width = max(map(len, columns))
    for column in columns:
        print(f"{column.upper():<{width}}  {_cell(found.get(column))}")


def document(found: Any, output: Format) -> None:
    """Write anything as JSON or YAML."""
    plain = json.loads(json.dumps(found, default=_text))
    if output is Format.yaml:
        print(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), end="")
    else:
        print(json.dumps(plain, indent=2, ensure_ascii=False))


def line(text: str, depth: int = 0) -> None:
    """One line of text that may hold what others sent."""
    print("  " * depth + _cell(text))


def say(text: str) -> None:
    """One line for people, on stderr, so that it does not get between the data."""
    print(text, file=sys.stderr)


def _for_people(columns: Sequence[str], cells: list[list[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.upper(), overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)


def _plain(columns: Sequence[str], cells: list[list[str]]) -> None:
    lines = [[column.upper() for column in columns], *cells]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    """One line, whatever is in it: what others sent must not move the cursor of a terminal."""
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, Mapping):
        text = " ".join(f"{name}={inner}" for name, inner in value.items())
    elif isinstance(value, list | tuple):
        text = " ".join(map(str, value))
    else:
        text = _text(value)
    text = _FRACTION.sub("Z", text)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)
