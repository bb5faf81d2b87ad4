"""`threshold(value, warning, critical)`: the severity of a value, "none" below both.

With the second bound under the first, lower is worse: threshold(labels.free_percent, 20, 5).
"""

from __future__ import annotations

from typing import Any

from schemas.alert import SEVERITY_RANK
from tocsin.domain.expressions import Kind

TAKES: tuple[Kind, ...] = ("number", "number", "number")
GIVES: Kind = "severity"


def call(
    subject: Any, value: float | None, warning: float | None, critical: float | None
) -> float | None:
    """The rank of the severity; a value on the bound has reached it."""
    if value is None or warning is None or critical is None:
        return None
    if critical < warning:
        value, warning, critical = -value, -warning, -critical
    if value >= critical:
        return float(SEVERITY_RANK["critical"])
    return float(SEVERITY_RANK["warning" if value >= warning else "none"])
