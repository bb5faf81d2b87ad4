"""`part(text, separator, n)`: the n-th piece of a text, from 0; nothing where it has fewer."""

from __future__ import annotations

from typing import Any

from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("text", "text", "number")
GIVES: Kind = "text"
_MOST = 1000


def call(subject: Any, text: str | None, separator: str | None, n: float | None) -> str | None:
    """A negative n counts from the end."""
    if not text or not separator or n is None or abs(n) >= _MOST or n != int(n):
        return None
    at = int(n)
    pieces = text.split(separator, at + 1) if at >= 0 else text.rsplit(separator, -at)
    return pieces[at].strip() if -len(pieces) <= at < len(pieces) else None
