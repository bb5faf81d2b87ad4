"""Who is on call: pure, exact over changes of the clock; all moments have a zone."""

from __future__ import annotations

from tocsin.domain.oncall.asked import read
from tocsin.domain.oncall.coverage import Coverage, awake, nights
from tocsin.domain.oncall.coverage import of as coverage
from tocsin.domain.oncall.export import calendar
from tocsin.domain.oncall.lines import following, gaps, shifts, who
from tocsin.domain.oncall.parts import (
    Calendar,
    Days,
    Gap,
    Hours,
    Layer,
    Override,
    Rotation,
    Rule,
    Schedule,
    Shift,
    Span,
)

__all__ = [
    "Calendar", "Coverage", "Days", "Gap", "Hours", "Layer", "Override", "Rotation", "Rule",
    "Schedule", "Shift", "Span", "awake", "calendar", "coverage", "following", "gaps",
    "nights", "read", "shifts", "who",
]  # fmt: skip
