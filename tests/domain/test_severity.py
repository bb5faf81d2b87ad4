"""Severity is read from what the world writes."""

from __future__ import annotations

import pytest

from tocsin.domain import severity


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"severity": "critical"}, "critical"),
        ({"severity": "PAGE"}, "critical"),
        ({"severity": " Major "}, "error"),
        ({"severity": "warn"}, "warning"),
        ({"severity": "notice"}, "info"),
        ({"priority": "P1"}, "critical"),
        ({"priority": "p5"}, "info"),
        ({"severity": "weird", "priority": "p2"}, "error"),
        ({"severity": "info", "priority": "p1"}, "info"),
        ({"severity": ""}, "none"),
        ({"severity": "none"}, "none"),
        ({}, "none"),
    ],
)
def test_of(labels: dict[str, str], expected: str) -> None:
    assert severity.of(labels) == expected


def test_worst() -> None:
    assert severity.worst(["info", "critical", "warning"]) == "critical"
    assert severity.worst([]) == "none"
