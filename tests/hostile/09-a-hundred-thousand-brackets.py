"""9: x."""

from __future__ import annotations

CASES: list[int] = [1]
