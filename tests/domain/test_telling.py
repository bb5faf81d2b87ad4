"""The title of a message says what is wrong and where, in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.message import AlertView
from tocsin.domain import telling

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def view(labels: dict[str, str], summary: str = "") -> AlertView:
    notes = {"summary": summary} if summary else {}
    return AlertView(
        fingerprint="f", status="firing", labels=labels, annotations=notes, starts_at=T
    )


@pytest.mark.parametrize(
    ("group_labels", "alerts", "expected"),
    [
        ({}, [view({"alertname": "Disk", "job": "db"}, "full")], "Disk: full"),
        ({}, [view({"alertname": "Disk", "job": "db", "service": "x"})], "Disk: x, db"),
        ({}, [view({"alertname": "Disk", "job": "x", "service": "x"})], "Disk: x"),
        ({"alertname": "Disk"}, [view({}, "a"), view({}, "b")], "Disk"),
        ({}, [view({"alertname": "A"}), view({"alertname": "B"})], "2 alerts"),
        ({}, [view({})], "alert"),
        ({"job": "db"}, [], "0 alerts: db"),
        ({}, [view({"alertname": "A" * 300})], "A" * 200),
    ],
)
def test_the_title_says_what_and_where_in_one_line(
    group_labels: dict[str, str], alerts: list[AlertView], expected: str
) -> None:
    assert telling.title(group_labels, alerts) == expected


def test_common_is_what_all_have() -> None:
    assert telling.common([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": "1"}]) == {"a": "1"}
    assert telling.common([]) == {}
