"""What a storm is and how often one speaks, as a policy document says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from schemas.parts import Span, Written

#: When it is told how a storm goes on.
Digest = Literal["interval", "end"]


class Storms(Written):
    """From how many new alerts on they are told together, and how often."""

    threshold: int = Field(
        100, ge=0, le=1_000_000,
        description="More new alerts that fire within `window` are a storm: they are told together."
        " 0: there are no storms.",
    )  # fmt: skip
    window: Span = Field(timedelta(minutes=1), description="In which time they are counted.")
    page_interval: Span = Field(
        timedelta(minutes=10), description="Nobody is told of one storm more often than this."
    )
    calm: Span = Field(
        timedelta(minutes=5),
        description="A storm is over when less than half of that came for so long.",
    )
    digest: Digest = Field(
        "interval",
        description="When it is told how it goes on: each page_interval and at the end (interval),"
        " or at the end only (end).",
    )
