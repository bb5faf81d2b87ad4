"""Each alert has one outcome, and the gates that led to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from tocsin.domain import explanation
from tocsin.domain.explanation import AlertFacts, GroupFacts, Outcome

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def group(outcome: Outcome, receiver: str | None = "team") -> GroupFacts:
    return GroupFacts("{}", 2, receiver, {}, outcome, silences=("s1",))


def test_every_outcome_has_a_strength_of_its_own() -> None:
    assert set(explanation.STRENGTH) == set(get_args(Outcome))
    assert len(set(explanation.STRENGTH.values())) == len(explanation.STRENGTH)


def test_the_strongest_wins() -> None:
    order: list[Outcome] = ["pending", "grouped", "superseded", "silenced", "failed", "notified"]
    assert sorted(reversed(order), key=explanation.STRENGTH.__getitem__) == order
    assert explanation.strongest(order) == "notified"
    assert explanation.strongest([]) == "no_route"


@pytest.mark.parametrize(
    ("facts", "expected", "gates"),
    [
        (AlertFacts("stale", T), "stale", ["lifecycle stopped"]),
        (AlertFacts("repeat", T), "repeat", ["lifecycle stopped"]),
        (AlertFacts("new", T), "no_route", ["lifecycle passed", "route stopped"]),
        (
            AlertFacts("new", T, 3, (group("no_route", None),)),
            "no_route",
            ["lifecycle passed", "route stopped"],
        ),
        (
            AlertFacts("new", T, 3, (group("pending"),)),
            "pending",
            ["lifecycle passed", "route passed", "group waiting"],
        ),
        (
            AlertFacts("refired", T, 3, (group("grouped"),)),
            "grouped",
            ["lifecycle passed", "route passed", "group stopped"],
        ),
        (
            AlertFacts("new", T, 3, (group("silenced"),)),
            "silenced",
            ["lifecycle passed", "route passed", "group passed", "silence stopped"],
        ),
        (
            AlertFacts("new", T, 3, (group("failed"),)),
            "failed",
            [
                "lifecycle passed",
                "route passed",
                "group passed",
                "silence passed",
                "notify stopped",
            ],
        ),
        (
            AlertFacts("new", T, 3, (group("pending"), group("notified"))),
            "notified",
            [
                "lifecycle passed",
                *("route passed", "group waiting"),
                *("route passed", "group passed", "silence passed", "notify passed"),
            ],
        ),
    ],
)
def test_explain(facts: AlertFacts, expected: str, gates: list[str]) -> None:
    assert explanation.outcome(facts) == expected
    assert [f"{step.gate} {step.verdict}" for step in explanation.explain(facts)] == gates


def test_the_step_that_stopped_says_by_what() -> None:
    last = explanation.explain(AlertFacts("new", T, 3, (group("silenced"),)))[-1]
    assert last.detail["silences"] == ("s1",)
