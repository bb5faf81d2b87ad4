"""Why just this reader is told: the facts of a step in words, names and hours of the reader."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas.message import Message
from tests.actors.conftest import Hall
from tests.channels import messages
from tocsin.config import documents
from tocsin.domain.policy import Integration

AT = datetime(2026, 3, 7, 22, 7, tzinfo=UTC)  # 23:07 in Berlin
POLICY = documents.parse(
    """
route: {}
locale: fr
people:
  - {name: anna, shown: Anna Alt, zone: Europe/Berlin, locale: de}
  - {name: ben, shown: Ben Bolt}
  - {name: carl}
""",
    {},
)
FACTS: dict[str, Any] = {
    "via": "schedule", "name": "Primary DB", "step": 1, "steps": 3, "round": 1, "with": [],
    "next": ["ben"], "next_at": "2026-03-07T22:12:00+00:00", "held_until": None,
}  # fmt: skip


def worded(hall: Hall, key: str = "@anna/sms", reason: str = "first", **facts: Any) -> Message:
    readers = hall.module("_readers")
    message = messages.first(reason=reason, why="route line 3", acknowledged_by="ben")
    row = {"id": "x", "created_at": AT, "facts": orjson.dumps({**FACTS, **facts}).decode()}
    reader = readers.of(POLICY, Integration(key, "sms", None), message)
    found: Message = readers.worded(message, row, reader, "")
    return found


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "on call (Primary DB), step 1 of 3, next: Ben Bolt at 23:12"),
        ({"via": "team", "name": "db"}, "team db, step 1 of 3, next: Ben Bolt at 23:12"),
        ({"via": "person"}, "you alone, step 1 of 3, next: Ben Bolt at 23:12"),
        (
            {"via": "person", "with": ["ben", "carl"]},
            "you and Ben Bolt, carl, step 1 of 3, next: Ben Bolt at 23:12",
        ),
        (
            {"round": 2},
            "on call (Primary DB), step 1 of 3, round 2, next: Ben Bolt at 23:12",
        ),
        (
            {"next_at": "2026-03-07T23:30:00+00:00"},
            "on call (Primary DB), step 1 of 3, next: Ben Bolt at 00:30",
        ),
        (
            {"next_at": "2026-03-08T22:30:00+00:00"},
            "on call (Primary DB), step 1 of 3, next: Ben Bolt at 2026-03-08 23:30",
        ),
        (
            {"next": ["ben", "carl", "anna", "x", "chat"]},
            "on call (Primary DB), step 1 of 3, next: Ben Bolt, carl, Anna Alt and 2 more at 23:12",
        ),
        ({"next_at": None}, "on call (Primary DB), step 1 of 3, next: Ben Bolt"),
        (
            {"step": 3, "next": [], "next_at": None},
            "on call (Primary DB), step 3 of 3, next: nobody, this is the last step",
        ),
        ({"next": [], "next_at": None}, "on call (Primary DB), step 1 of 3, next: nobody"),
        (
            {"held_until": "2026-03-08T06:00:00+00:00"},
            "on call (Primary DB), step 1 of 3, held from 23:07 to 07:00 by your quiet hours, next:"
            " Ben Bolt at 23:12",
        ),
    ],
)
def test_the_line(hall: Hall, facts: dict[str, Any], said: str) -> None:
    message = worded(hall, **facts)
    assert message.because == said
    assert message.why == f"{said}. route line 3"


def test_a_channel_is_told_the_step_and_which_clock_it_is(hall: Hall) -> None:
    message = worded(hall, "chat/webhook/0")
    assert message.because == "step 1 of 3, next: Ben Bolt at 22:12 UTC"
    assert (message.zone, message.acknowledged_by) == ("UTC", "Ben Bolt")


def test_a_person_has_their_clock_and_their_languages(hall: Hall) -> None:
    readers = hall.module("_readers")
    message = messages.first()
    of = {name: readers.of(POLICY, Integration(f"@{name}/sms", "sms", None), message)
          for name in ("anna", "ben", "nobody")}  # fmt: skip
    assert [of[name].locale for name in of] == ["de,fr", "fr", "fr"]
    assert worded(hall).zone == "Europe/Berlin"


@pytest.mark.parametrize("reason", ["resolved", "acknowledged"])
def test_what_is_over_has_no_next(hall: Hall, reason: str) -> None:
    assert worded(hall, reason=reason).because == "on call (Primary DB), step 1 of 3"


@pytest.mark.parametrize("facts", [{"next_at": "soon"}, {"next": 7}, {"held_until": "x"}])
def test_facts_that_cannot_be_read_leave_the_message_as_it_was(
    hall: Hall, facts: dict[str, Any]
) -> None:
    message = worded(hall, **facts)
    assert (message.because, message.why) == ("", "route line 3")
