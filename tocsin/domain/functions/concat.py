"""`concat(a, b)`: both texts as one; nothing where one of them is not there."""

from __future__ import annotations

from typing import Any

from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("text", "text")
GIVES: Kind = "text"
#: Nested calls could double a text each time; no value that is kept is longer.
_MOST = 4096


def call(subject: Any, first: str | None, second: str | None) -> str | None:
    return (first + second)[:_MOST] if first and second else None
