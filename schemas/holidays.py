"""Days on which schedules, escalations and clocks of service levels go another way."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from schemas.parts import Name, Written


class Holidays(Written):
    """A calendar of days."""

    name: Name = Field(description="How others call it, such as `germany`.")
    days: list[date] = Field([], max_length=2000, description="Such as 2026-12-25.")
