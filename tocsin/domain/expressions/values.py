"""Reading what came from outside as what it is compared with; None where it cannot be read so."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from schemas import parts
from schemas.alert import SEVERITY_RANK
from tocsin.domain import severity
from tocsin.domain.expressions.kinds import Kind

_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
#: No duration is written longer than this.
_LONGEST = 64


def number(value: Any) -> float | None:
    """`80`, `"80"` and `"8e1"`; never a truth value, nothing infinite."""
    if isinstance(value, str):
        text = value.strip() if len(value) <= 200 else ""
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def duration(value: Any) -> float | None:
    """The seconds of a text such as `1h30m`."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    try:
        return parts.parse_duration(value.strip()).total_seconds()
    except ValueError:
        return None


def text(value: Any) -> str | None:
    """Texts as they are, numbers and truth values as JSON writes them; what is absent is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, int) and abs(value) >= 10**40:
        return None
    return str(value) if isinstance(value, int | float) else None


def boolean(value: Any) -> bool | None:
    """true and false, also as texts."""
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) and len(value) <= 5 else ""
    return {"true": True, "false": False}.get(word)


def rank(value: Any) -> float | None:
    """How bad the severity is that a text names, in any of the words that we know for it."""
    if not isinstance(value, str):
        return None
    named = severity.of({"severity": value})
    if named == "none" and value.strip().lower() != "none":
        return None
    return float(SEVERITY_RANK[named])


#: How an open value is read as each kind. A severity counts as its rank.
AS: dict[Kind, Callable[[Any], Any]] = {
    "number": number,
    "duration": duration,
    "text": text,
    "boolean": boolean,
    "severity": rank,
}


def at(container: Any, key: str | int) -> Any:
    """The part of a document under a key or an index; None where there is none."""
    if isinstance(key, str):
        return container.get(key) if isinstance(container, dict) else None
    if isinstance(container, list) and -len(container) <= key < len(container):
        return container[key]
    return None
