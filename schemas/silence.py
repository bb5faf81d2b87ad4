"""Silences as the HTTP API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.api import Words

State = Literal["active", "pending", "expired"]


class SilenceItem(BaseModel):
    """Alerts that match all of `matchers` are not told of from `starts_at` until `ends_at`."""

    id: str
    state: State
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    comment: str
    created_by: str
    created_at: datetime


class NewSilence(BaseModel):
    """A silence to be made. Give `ends_at` or `duration`; without `starts_at` it starts now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "matchers": ['alertname="DiskFull"', 'instance=~"db-.*"'],
                    "duration": "2h",
                    "comment": "the disks are being replaced",
                }
            ]
        },
    )

    matchers: list[str] = Field(
        min_length=1, max_length=50, description="Alertmanager's syntax: a=b a!=b a=~b a!~b."
    )
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    duration: str | None = Field(
        None, max_length=50, description="From the start on, such as 30m, 2h or 1d12h."
    )
    comment: Words = Field(description="Why; the next person on call will ask.")
