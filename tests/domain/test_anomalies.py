"""What a score may do, and how an alert becomes an event of a stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.rules import Rule
from tocsin.config import rules as config
from tocsin.domain import anomalies, rules, verdicts
from tocsin.domain.rules import Subject

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def compiled(**written: Any) -> rules.Rules:
    return config.compiled([Rule.model_validate({"name": "r", **written})])


def about(severity: Any = "warning") -> Subject:
    return Subject({"alertname": "A"}, {}, {}, severity, "firing", "test", 0.0)


@pytest.mark.parametrize(
    ("written", "score", "turns", "lowers"),
    [
        ({"then": {"severity": "critical"}}, 0.9, True, False),
        ({"then": {"severity": "critical"}}, 0.5, False, False),
        ({"then": {"severity": "info"}}, 0.9, True, True),
        ({"then": {"drop": "known"}}, 0.9, True, True),
        ({"then": {"severity": "critical"}, "without_score": 0.9}, 0.1, True, True),
        ({"then": {"severity": "info"}, "without_score": 0.9}, 0.1, True, False),
        ({"then": {"drop": "known"}, "without_score": 0.9}, 0.9, False, False),
        ({"then": {"route": "x"}}, 0.9, True, False),
    ],
)
def test_a_score_turns_rules_on_and_off(
    written: dict[str, Any], score: float, turns: bool, lowers: bool
) -> None:
    own = compiled(when="anomaly_score > 0.8", **written)
    assert anomalies.matters(own)
    assert anomalies.changes(own, about(), score) is turns
    assert anomalies.lowers(own, about(), score) is lowers


def test_rules_that_do_not_ask_for_it_are_not_moved_by_it() -> None:
    own = compiled(when='severity == "warning"', then={"severity": "critical"})
    assert not anomalies.matters(own)
    assert not anomalies.changes(own, about(), 1.0)


@pytest.mark.parametrize(
    ("annotations", "labels", "value"),
    [
        ({"value": "1.5"}, {}, 1.5),
        ({"value": " 85% "}, {}, 85.0),
        ({"value_A": "3", "value_string": "[ var='A' ]", "value": "4"}, {}, 3.0),
        ({}, {"value": "7"}, 7.0),
        ({"value": "high"}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_number_that_an_alert_is_about(
    annotations: dict[str, str], labels: dict[str, str], value: float | None
) -> None:
    assert anomalies.value(labels, annotations) == value


def test_the_service_is_a_label_or_else_the_job() -> None:
    labels = {"alertname": "A", "team": "x", "job": "node"}
    assert anomalies.event(NOW, "firing", labels, {}, None, "team").stream == ("A", "x")
    assert anomalies.event(NOW, "firing", labels, {}, None).stream == ("A", "node")


def lesson(minutes: float, stream: str = "a") -> verdicts.Lesson:
    return verdicts.Lesson(NOW + timedelta(minutes=minutes), stream)


def test_noise_is_learnt_often_and_what_is_none_not_at_all() -> None:
    lessons = [lesson(0), lesson(30), lesson(90), lesson(0, "b"), *[lesson(9999)] * 96]
    noise = verdicts.Verdict(NOW, "a", True)
    found = verdicts.weights(lessons, [noise])
    # 8 % of a hundred rows is the row itself; both near it share as much.
    assert found[:5] == [8, 4, 1, 1, 1]
    worth = verdicts.Verdict(NOW + timedelta(minutes=30), "a", False)
    assert verdicts.weights(lessons, [noise, worth])[:5] == [0, 0, 0, 1, 1]
    assert verdicts.weights(lessons, []) == [1] * 100
