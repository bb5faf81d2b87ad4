"""docs/oncall.md: its examples are policies that do what they are said to do."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.docs import pages
from tocsin.config import documents
from tocsin.domain import oncall

EXAMPLES = pages.blocks("docs/oncall.md", "yaml")


def who(example: str, text: str, zone: str = "Europe/Berlin") -> tuple[str, ...]:
    [schedule] = documents.parse(f"route: {{}}\n{example}", {}).schedules.values()
    return oncall.who(schedule, datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize(
    ("number", "at", "people"),
    [
        (0, "2026-01-05 09:00", ("anna",)),
        (0, "2026-01-12 09:00", ("ben",)),
        (1, "2026-12-21 20:00", ("cleo",)),
        (1, "2026-12-21 12:00", ("ben",)),
        (1, "2026-12-25 20:00", ("anna",)),
        (1, "2026-12-26 20:00", ("ben",)),
        (2, "2026-07-09 18:00", ("anna",)),
        (2, "2026-07-09 23:00", ()),
    ],
)
def test_the_examples_work(number: int, at: str, people: tuple[str, ...]) -> None:
    assert who(EXAMPLES[number], at) == people
