"""The stored score of an alert as the API shows it."""

from __future__ import annotations

from typing import Any

import orjson

from schemas.scoring import ReasonItem, ScoreItem
from tocsin.i18n import oddities


def item(alert: dict[str, Any], row: dict[str, Any] | None) -> ScoreItem:
    """The score of this firing of an alert; that of an earlier one is none of it."""
    if row is None or row["starts_at"] != alert["starts_at"]:
        return ScoreItem(sentence=oddities.sentence(False, (), "waiting"))
    reasons = orjson.loads(row["reasons"]) if row["reasons"] else []
    return ScoreItem(
        value=row["value"],
        anomaly=row["anomaly"],
        sentence=oddities.sentence(row["anomaly"], reasons, row["cause"]),
        reasons=[ReasonItem(**reason) for reason in reasons],
        model=row["model"],
        scored_at=row["scored_at"],
    )
