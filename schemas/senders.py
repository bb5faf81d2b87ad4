"""Trying a mapping out: what is asked and what it would make."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.alert import Severity, Status
from schemas.mapping import MappedSource


class PreviewAsked(BaseModel):
    """A document, and the mapping to read it by: one in force by its name, or one given whole."""

    model_config = ConfigDict(extra="forbid")

    body: Any = Field(description="The JSON that the sender would post.")
    name: str | None = Field(None, description="A source of the policy in force.")
    source: MappedSource | None = Field(None, description="A mapping that is not in force yet.")


class PreviewAlert(BaseModel):
    """An alert as it would be taken in."""

    index: int
    fingerprint: str
    status: Status
    severity: Severity
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    generator_url: str


class PreviewRejected(BaseModel):
    """An alert that would lie in the quarantine: which, what field, and why."""

    index: int
    field: str
    reason: str


class Preview(BaseModel):
    """What a mapping makes of a document. Nothing is stored."""

    alerts: list[PreviewAlert]
    rejected: list[PreviewRejected]
    skipped: int = Field(description="How many `when` left out.")
