"""The part of a policy about anomaly scores, and what is said of a score."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from schemas.parts import Written

Detector = Literal["ecod", "copod", "iforest"]


class Scoring(Written):
    """How unusual alerts are: scores of 0 to 1, learnt from the tenant's own history."""

    enabled: bool = Field(True, description="Score the alerts of this tenant.")
    detector: Detector = Field(
        "ecod", description="The detector of pyod: `ecod`, `copod` or `iforest`."
    )
    threshold: float | None = Field(
        None, gt=0, lt=1,
        description="From this score on messages say so. Left out: ALERTS_ANOMALY_THRESHOLD.",
    )  # fmt: skip
    min_history: int = Field(
        200, ge=50, le=20_000,
        description="Rows of history without which nothing is scored.",
    )  # fmt: skip
    may_lower: bool = Field(
        False,
        description="Let a score drop an alert or lower its severity, where a rule says so.",
    )


class ReasonItem(BaseModel):
    """Why a score is what it is: what was seen and what is usual, and how much that weighs."""

    feature: str
    seen: float
    usual: float
    about: str = Field("", description="The label, where the feature is about one.")
    weight: float = Field(description="Its part in the reasons; together they make 1.")


class ScoreItem(BaseModel):
    """The anomaly score of an alert. `value` null: it was not scored, and `sentence` says why."""

    value: float | None = None
    anomaly: bool = Field(False, description="Whether it reached the threshold when it was scored.")
    sentence: str
    reasons: list[ReasonItem] = []
    model: int | None = Field(None, description="The version of the model that gave it.")
    scored_at: datetime | None = None
