"""Silences and maintenance windows as the HTTP API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.api import FieldProblem, Words

State = Literal["active", "pending", "expired"]


class SilenceItem(BaseModel):
    """Alerts that match all of `matchers` are not told of from `starts_at` until `ends_at`."""

    id: str
    state: State
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    comment: str
    until_resolved: bool = Field(False, description="Ends sooner if all that it held is over.")
    holds: int = Field(0, description="How many alerts it holds back now.")
    overridden: bool = Field(False, description="An admin made it over the guard of the policy.")
    version: int = Field(1, description="The ETag: what If-Match must say to change it.")
    created_by: str
    created_at: datetime
    updated_by: str | None = None
    updated_at: datetime | None = None
    ended_by: str | None = Field(None, description="Who ended it before its time.")


class Span(BaseModel):
    """From when to when: `ends_at` or `duration`; without `starts_at` it starts now."""

    model_config = ConfigDict(extra="forbid")

    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    duration: str | None = Field(
        None, max_length=50, description="From the start on, such as 30m, 2h or 1d12h."
    )
    comment: Words = Field(description="Why; the next person on call will ask.")
    override: bool = Field(
        False, description="Go beyond the guard of the policy; needs the scope admin."
    )


class NewSilence(Span):
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
    until_resolved: bool = Field(
        False, description="End it as soon as all that it held back is over for five minutes."
    )


class Sample(BaseModel):
    """An alert that would be hit."""

    fingerprint: str
    severity: Severity
    labels: dict[str, str]
    starts_at: datetime


class Day(BaseModel):
    """What would have been hit in the last 24 hours."""

    alerts: int
    changes: int = Field(description="How often these alerts changed.")
    notifications: int = Field(description="How many messages told of that.")


class Preview(BaseModel):
    """What a silence would do. Nothing is stored."""

    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    firing: int = Field(description="How many alerts that fire now it would hold back.")
    in_all: int = Field(description="How many alerts fire now.")
    share: float = Field(description="The part of all that fires, from 0 to 1.")
    critical: int = Field(description="How many of them are critical.")
    complete: bool = Field(description="False: there was too much to count; it is at least so.")
    last_day: Day
    samples: list[Sample] = Field(description="Up to ten alerts, the worst first.")
    warnings: list[str] = Field(description="What to think of before.")
    refused: list[FieldProblem] = Field(description="Why the guard of the policy refuses it.")


class Selection(BaseModel):
    """Which silences to end: by `ids`, or all that fulfil each of the other conditions."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"comment": "INC-4711"}]}
    )

    ids: list[str] | None = Field(None, min_length=1, max_length=1000)
    author: Words | None = Field(None, description="Who made it, in full.")
    matcher: Words | None = Field(None, description="One of its matchers, in full.")
    comment: Words | None = Field(None, description="A part of its comment, in any case.")


class Ended(BaseModel):
    """What a bulk expiry ended. `more`: there is more than it does at once; ask again."""

    items: list[SilenceItem]
    unknown: list[str] = Field([], description="Ids that there are not in this tenant.")
    more: bool = False


class MaintenanceItem(BaseModel):
    """A maintenance window: what matches is muted in it, and told at its end if it still fires."""

    id: str
    name: str
    state: State
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    comment: str
    holds: int = Field(0, description="How many alerts it holds back now.")
    overridden: bool = Field(False, description="An admin made it over the guard of the policy.")
    created_by: str
    created_at: datetime
    ended_by: str | None = Field(None, description="Who ended it before its time.")


Service = Annotated[Words, Field(max_length=200)]


class NewMaintenance(Span):
    """A window to be made for the alerts that match, or for services of the service map."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Database upgrade",
                    "services": ["orders", "billing"],
                    "starts_at": "2030-01-01T22:00:00Z",
                    "duration": "2h",
                    "comment": "CHG-12: PostgreSQL 18",
                }
            ]
        },
    )

    name: Annotated[Words, Field(max_length=200)]
    matchers: list[str] = Field([], max_length=50, description="As of a silence.")
    services: list[Service] = Field([], max_length=100, description="Names of services.")
