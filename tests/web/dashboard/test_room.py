"""The facts of a room that no row needs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tocsin.web.dashboard import _room


def scored(value: float, *, anomaly: bool) -> Any:
    score = SimpleNamespace(value=value, anomaly=anomaly, sentence=f"Unusual: {value}.")
    return SimpleNamespace(score=score)


def test_the_most_unusual_alert_speaks_for_all() -> None:
    alerts = [scored(0.9, anomaly=True), scored(0.97, anomaly=True), SimpleNamespace()]
    assert _room.anomaly(alerts) == "Unusual: 0.97."


def test_nothing_is_said_of_what_is_usual() -> None:
    assert _room.anomaly([scored(0.5, anomaly=False), SimpleNamespace(score=None)]) == ""
    assert _room.anomaly([]) == ""
