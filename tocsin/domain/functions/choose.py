"""`choose(condition, a, b)`: a where the condition holds, else b."""

from __future__ import annotations

from typing import Any

from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("boolean", "any", "any")
GIVES: Kind = "json"


def call(subject: Any, condition: bool | None, value: Any, otherwise: Any) -> Any:
    return value if condition else otherwise
