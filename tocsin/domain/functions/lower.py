"""`lower(text)`: the text in small letters, for comparisons that do not mind the case."""

from __future__ import annotations

from typing import Any

from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("text",)
GIVES: Kind = "text"


def call(subject: Any, text: str | None) -> str | None:
    return None if text is None else text.lower()
