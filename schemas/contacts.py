"""People as the HTTP API shows them: by what they can be told, and what would happen."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from schemas.people import Urgency


class WayItem(BaseModel):
    """One way to reach a person, whether the policy's rules name it or not."""

    by: str = Field(description="One of the `accounts` of the policy.")
    integration: str = Field(description="How deliveries name it.")
    destination: str
    state: Literal["verified", "seen", "unverified"] = Field(
        description="`verified` with a code; `seen`: it answered, or a message arrived there."
    )
    verified_at: datetime | None = None
    seen_at: datetime | None = None
    refused_at: datetime | None = Field(
        None, description="Since when the owner wants no messages there (STOP): nothing is sent."
    )


class PersonItem(BaseModel):
    """A person, their ways, and whether they are quiet now."""

    name: str
    shown: str
    zone: str
    local_time: datetime
    locale: str
    quiet_until: datetime | None = Field(description="Until when pages that can wait are held.")
    important_quiet_until: datetime | None = Field(
        description="Until when important pages are held too."
    )
    ways: list[WayItem]
    warnings: list[str] = Field(description="What stands in the way of reaching this person.")


class PageItem(BaseModel):
    """One way in which a page would come, unless somebody acts before."""

    by: str
    integration: str
    destination: str
    due_at: datetime
    local_time: datetime
    held_until: datetime | None


class PersonDetail(PersonItem):
    """A person and what would happen if a page began now."""

    default: list[PageItem]
    important: list[PageItem]


class PreviewAsked(BaseModel):
    """When a page would begin, and how much it would matter."""

    urgency: Urgency = "important"
    at: AwareDatetime | None = Field(None, description="Default: now.")


class PersonPreview(BaseModel):
    """What would happen: by what, when, held until when."""

    person: str
    zone: str
    urgency: Urgency
    at: datetime
    pages: list[PageItem]
    warnings: list[str]


class DrillAsked(BaseModel):
    """Which way to test."""

    by: str | None = Field(None, max_length=200, description="One account; default: every way.")


class DrillSent(BaseModel):
    """One test page that is under way."""

    by: str
    destination: str
    delivery: str = Field(description="Its delivery, which says what becomes of it.")


class Drill(BaseModel):
    """The test pages, and which ways were left out because they were tested a moment ago."""

    person: str
    sent: list[DrillSent]
    expires_at: datetime
    resting: list[str]


class Verification(BaseModel):
    """The code that arrived by a way."""

    by: str = Field(max_length=200)
    code: str = Field(pattern=r"^\s*[0-9]{6}\s*$", description="Six digits.")
