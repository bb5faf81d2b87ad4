"""`rate(10m)`: how often a minute this alert was sent, repeats included, over the time given."""

from __future__ import annotations

from typing import Any

from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("duration",)
GIVES: Kind = "number"
WINDOW = 0


def call(subject: Any, window: float) -> float | None:
    """None where nobody counted."""
    signs = subject.signs(window)
    return None if signs is None else signs * 60 / window
