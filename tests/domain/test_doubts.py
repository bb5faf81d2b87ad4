"""What a valid policy is doubted for: it may be in force, and yet reach nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import channels
from tocsin.config import documents
from tocsin.domain import doubts, oncall, people
from tocsin.i18n import doubts as words

#: A Monday.
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICY = """
route: {receiver: ops}
receivers: [{name: ops, escalation: primary}]
accounts: {webhook: {}}
people:
  - {name: anna, webhook: "https://example.org/anna"}
  - {name: ben, phone: "+4915112345678"}
  - {name: carl, webhook: "https://example.org/carl"}
  - {name: dora}
teams: [{name: db, people: [carl, ben]}]
schedules:
  - name: days
    zone: Europe/Berlin
    layers:
      - people: [anna]
        hours:
          - {days: [monday, tuesday, wednesday, thursday, friday], from: "09:00", to: "17:00"}
escalations:
  - name: primary
    steps:
      - notify: [{person: anna}]
      - wait: 5m
      - notify: [{schedule: days}, {team: db}]
"""


def found(text: str = POLICY, **more: Any) -> list[doubts.Doubt]:
    policy = documents.parse(text, channels.settings_models())
    return list(doubts.of(policy, NOW, **more))


def test_people_whom_nothing_reaches_and_steps_that_find_nobody() -> None:
    ben, hole = found()
    assert (ben.kind, ben.name) == ("unreachable", "ben")
    assert (hole.kind, hole.name, hole.step, hole.schedule) == ("hole", "primary", 2, "days")
    assert hole.starts_at == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert hole.ends_at == datetime(2026, 3, 3, 8, tzinfo=UTC)
    said = words.sentence(hole)
    assert "from 2026-03-02 17:00 to 2026-03-03 09:00 (Europe/Berlin)" in said
    assert f"{hole.more} times more" in said
    assert "Nothing can reach ben" in words.sentence(ben)


def test_who_is_never_on_call_need_not_be_reached() -> None:
    assert "dora" not in {each.name for each in found()}


def test_a_policy_without_people_is_not_doubted() -> None:
    assert found("route: {receiver: ops}\nreceivers: [{name: ops}]\n") == []


def test_only_the_record_knows_whom_nothing_was_shown_to_reach() -> None:
    alive = {
        "person": "anna", "channel": "webhook", "verified_at": None, "seen_at": NOW,
        "address_hash": people.digest("https://example.org/anna"),
    }  # fmt: skip
    kinds = {each.name: each.kind for each in found(known=[alive])}
    assert kinds == {"ben": "unreachable", "carl": "unverified", "primary": "hole"}
    moved = {**alive, "address_hash": people.digest("https://example.org/before")}
    assert {each.name: each.kind for each in found(known=[moved])}["anna"] == "unverified"


def test_whoever_stands_in_fills_a_hole() -> None:
    policy = documents.parse(POLICY, channels.settings_models())
    stands = oncall.Override(
        schedule="days", person="carl", starts_at=NOW,
        ends_at=NOW + timedelta(days=40),
    )  # fmt: skip
    assert [each.kind for each in doubts.of(policy, NOW, [stands])] == ["unreachable"]
