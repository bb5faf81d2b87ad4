"""What the API says of models, and what people say of scores."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from schemas.api import Words
from schemas.scoring import Detector

Verdict = Literal["noise", "not_noise"]


class FeedbackAsked(BaseModel):
    """A verdict on an alert: `noise` is how it usually is, `not_noise` is worth a score."""

    verdict: Verdict
    note: Words | None = None


class FeedbackItem(BaseModel):
    """A verdict as it was stored; the next training heeds it."""

    fingerprint: str
    verdict: Verdict
    note: str | None = None
    author: str
    at: datetime


class ModelItem(BaseModel):
    """One stored model of the tenant."""

    version: int
    active: bool
    detector: str
    trained_at: datetime
    rows: int = Field(description="Rows of history that it was trained with.")
    feedback: int = Field(description="Verdicts of people that it heeded.")
    libraries: str
    bytes: int


class ScoringState(BaseModel):
    """What scores alerts now. `problem`: why the last training made no model, or none loads."""

    enabled: bool
    detector: Detector
    threshold: float
    active: int | None
    train_at: datetime | None = Field(description="When it is trained next.")
    problem: str | None
    models: list[ModelItem]


class ModelVersion(BaseModel):
    """Which model shall score."""

    version: int = Field(ge=1, le=2**31 - 1)
