"""On-call schedules as people write them."""

from __future__ import annotations

from pydantic import Field

from schemas.parts import Name, Written
from schemas.people import Zone


class Schedule(Written):
    """Who is on call when."""

    name: Name = Field(description="How escalations call it.")
    zone: Zone = Field("UTC", description="Where its hours are, such as `Europe/Berlin`.")
