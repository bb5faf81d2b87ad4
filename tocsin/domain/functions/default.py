"""`default(a, b)`: a, or b where a is absent or empty."""

from __future__ import annotations

from typing import Any

from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("any", "any")
GIVES: Kind = "json"


def call(subject: Any, value: Any, otherwise: Any) -> Any:
    return otherwise if value is None or value == "" else value
