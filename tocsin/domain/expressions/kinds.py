"""What sorts of values expressions know, and how people call them."""

from __future__ import annotations

from typing import Any, Literal

#: "label" is a text from outside that reads as whatever it is compared with; "json" is a part of a
#: document of which nothing is known beforehand; "texts" is a set of named texts, such as labels.
Kind = Literal[
    "text", "number", "duration", "boolean", "severity", "list", "label", "texts", "json", "any"
]
#: At run time: text, float (durations in seconds, severities as ranks), bool, list; None is absent.
Value = Any

#: Kinds that are read as what they are compared with.
OPEN = frozenset({"label", "json"})

SAID: dict[Kind, str] = {
    "text": "a text",
    "number": "a number",
    "duration": "a duration",
    "boolean": "a condition (true or false)",
    "severity": "a severity",
    "list": "a list",
    "label": "a label (a text)",
    "texts": "a set of named texts",
    "json": "a part of the document",
    "any": "any value",
}


def bad(at: int, said: str) -> ValueError:
    """The error for what stands at this position, counted from 0 and told from 1."""
    return ValueError(f"column {at + 1}: {said}")
