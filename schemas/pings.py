"""What the API says of heartbeats, and how one is pinged over it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from schemas.api import Words

State = Literal["new", "up", "late", "down", "paused"]
Kind = Literal["success", "start", "fail"]


class PingAsked(BaseModel):
    """A sign of life. A `status` other than 0 is a failure, whatever `kind` says."""

    kind: Kind = "success"
    status: int | None = Field(None, ge=0, le=255, description="The exit status of the job.")
    message: Words | None = Field(None, description="What the job has to say.")


class HeartbeatItem(BaseModel):
    """A heartbeat as it is now. `url` is its address, for tokens that may respond.

    new: it never came. late: its time is over, its grace is not. down: it is missing, failed, or
    did not end; `cause` says which. `running`: it said that it started.
    """

    name: str
    state: State
    cause: Literal["missing", "unfinished", "failed"] | None = None
    sentence: str = Field(description="What was heard last, and what is expected.")
    running: bool = False
    every: str | None = None
    cron: str | None = None
    zone: str = "UTC"
    grace: str
    pings: int
    last_at: datetime | None = None
    last_kind: Kind | None = None
    last_status: int | None = None
    last_from: str | None = None
    last_agent: str | None = None
    took_seconds: float | None = Field(None, description="From its last start to its end.")
    expected_at: datetime | None = Field(None, description="Its next ping.")
    due_at: datetime | None = Field(None, description="When it is missing without one.")
    paused_at: datetime | None = None
    paused_by: str | None = None
    url: str | None = None


class HeartbeatDetail(HeartbeatItem):
    """With what it said last, of which the first 10 kB are kept."""

    message: str | None = None
