"""A group speaks when Alertmanager's notification log says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain import notifying
from tocsin.domain.notifying import Told

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
REPEAT = timedelta(hours=4)


def told(firing: str, resolved: str = "") -> Told:
    return Told(frozenset(firing), frozenset(resolved), T)


@pytest.mark.parametrize(
    ("before", "firing", "resolved", "expected"),
    [
        (None, "a", "", "first"),
        (None, "", "a", None),  # over before anybody heard of it
        (None, "", "", None),
        (told("a"), "a", "", None),
        (told("ab"), "a", "", None),  # one went without a word
        (told("a"), "ab", "", "new_alerts"),
        (told("", "a"), "a", "", "new_alerts"),  # it came back
        (told("a"), "", "a", "resolved"),
        (told("", "a"), "", "a", None),
        (told("", "a"), "", "ab", None),  # b fired and ended between two flushes
        (told("ab"), "a", "b", "resolved"),
        (told("a", "b"), "a", "b", None),
    ],
)
def test_decide(before: Told | None, firing: str, resolved: str, expected: str | None) -> None:
    decided = notifying.decide(
        before, set(firing), set(resolved), send_resolved=True, repeat_interval=REPEAT, now=T
    )
    assert decided == expected


@pytest.mark.parametrize(("firing", "resolved"), [("", "a"), ("a", "b")])
def test_who_does_not_want_to_hear_of_the_end_does_not(firing: str, resolved: str) -> None:
    decided = notifying.decide(
        told("ab"), set(firing), set(resolved), send_resolved=False, repeat_interval=REPEAT, now=T
    )
    assert decided is None


def test_who_did_not_hear_of_the_end_hears_when_it_fires_again() -> None:
    forgotten = notifying.forget(told("a"), set(), send_resolved=False, now=T)
    assert forgotten is not None
    again = notifying.decide(
        forgotten, {"a"}, set(), send_resolved=False, repeat_interval=REPEAT, now=T
    )
    assert again == "new_alerts"


@pytest.mark.parametrize(
    ("before", "firing", "send_resolved"),
    [(None, "", False), (told("a"), "a", False), (told("a"), "", True), (told(""), "", False)],
)
def test_nothing_to_forget(before: Told | None, firing: str, send_resolved: bool) -> None:
    assert notifying.forget(before, set(firing), send_resolved=send_resolved, now=T) is None


@pytest.mark.parametrize(
    ("now", "acknowledged", "expected"),
    [
        (T + REPEAT - TICK, False, None),
        (T + REPEAT, False, "repeat"),
        (T + REPEAT + TICK, False, "repeat"),
        (T + 10 * REPEAT, True, None),
    ],
)
def test_repeat(now: datetime, acknowledged: bool, expected: str | None) -> None:
    decided = notifying.decide(
        told("a"),
        {"a"},
        set(),
        send_resolved=True,
        repeat_interval=REPEAT,
        now=now,
        acknowledged=acknowledged,
    )
    assert decided == expected
    assert notifying.next_repeat(told("a"), REPEAT) == T + REPEAT


def test_acknowledged_keeps_no_news_back() -> None:
    decided = notifying.decide(
        told("a"),
        {"a", "b"},
        set(),
        send_resolved=True,
        repeat_interval=REPEAT,
        now=T,
        acknowledged=True,
    )
    assert decided == "new_alerts"


@pytest.mark.parametrize(("firing", "expected"), [("a", "reopened"), ("", "resolved")])
def test_reopened(firing: str, expected: str) -> None:
    decided = notifying.decide(
        told("a"),
        set(firing),
        set(),
        send_resolved=True,
        repeat_interval=REPEAT,
        now=T,
        reopened=True,
    )
    assert decided == expected
