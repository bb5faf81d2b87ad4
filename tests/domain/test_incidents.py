"""An incident goes through its states in the only sensible order."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from tocsin import errors
from tocsin.domain import incidents

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("state", "act", "expected"),
    [
        ("open", "acknowledge", "acknowledged"),
        ("open", "resolve", "resolved"),
        ("acknowledged", "resolve", "resolved"),
        ("acknowledged", "unacknowledge", "open"),
        ("resolved", "reopen", "open"),
        ("open", "hand_over", "acknowledged"),
        ("open", "snooze", "acknowledged"),
        ("acknowledged", "hand_over", "acknowledged"),
        ("acknowledged", "snooze", "acknowledged"),
        # Pressed twice.
        ("acknowledged", "acknowledge", "acknowledged"),
        ("resolved", "resolve", "resolved"),
        ("open", "reopen", "open"),
        ("open", "unacknowledge", "open"),
    ],
)
def test_after(state: incidents.State, act: incidents.Act, expected: str) -> None:
    assert incidents.after(state, act) == expected


@pytest.mark.parametrize(
    ("state", "act", "said"),
    [
        ("resolved", "acknowledge", "Reopen it first"),
        ("resolved", "unacknowledge", "Reopen it"),
        ("acknowledged", "reopen", "not resolved"),
        ("resolved", "hand_over", "Reopen it first"),
        ("resolved", "snooze", "Reopen it first"),
    ],
)
def test_what_cannot_be_is_refused(state: incidents.State, act: incidents.Act, said: str) -> None:
    with pytest.raises(errors.Conflict, match=said):
        incidents.after(state, act)


def test_each_act_in_each_state_has_an_answer() -> None:
    for state in get_args(incidents.State):
        for act in get_args(incidents.Act):
            with contextlib.suppress(errors.Conflict):
                assert incidents.after(state, act) in get_args(incidents.State)


@pytest.mark.parametrize(
    ("by", "now", "expected"),
    [
        (None, T, True),
        (None, T + WINDOW - TICK, True),
        (None, T + WINDOW, False),
        ("u1", T, False),
    ],
)
def test_reopens(by: str | None, now: datetime, expected: bool) -> None:
    assert incidents.reopens(T, by, now, WINDOW) is expected


def test_without_a_window_nothing_reopens() -> None:
    assert not incidents.reopens(T, None, T, timedelta(0))


@pytest.mark.parametrize("lasts", [timedelta(minutes=1), timedelta(minutes=30), timedelta(days=7)])
def test_a_snooze_is_for_a_while(lasts: timedelta) -> None:
    incidents.check_snooze(lasts)


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=59), timedelta(days=7) + TICK])
def test_a_snooze_that_nobody_means(lasts: timedelta) -> None:
    with pytest.raises(errors.Invalid, match="1m to 7d"):
        incidents.check_snooze(lasts)
