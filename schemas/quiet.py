"""What the policy lets a silence or a maintenance window be, as people write it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from schemas.parts import Span, Written


class Silences(Written):
    """The guard: what goes beyond needs an admin who says so."""

    longest: Span = Field(timedelta(days=30), description="How long one may last.")
    broadest: int | None = Field(
        None, ge=1, description="How many alerts that fire now it may hold back. Left out: any."
    )
    critical: bool = Field(
        True, description="Whether it may hold back critical alerts that fire now."
    )
    patterns: bool = Field(
        True, description="Whether it may do without a matcher that names a value (name=value)."
    )
