"""Windows at their edges: a microsecond before, at it, and after."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import windows
from tocsin.domain.windows import Absent, Counted, Followed, Holds, Sign, State

M = 60 * 1_000_000
T = 1_000 * M


def sign(at: int, times: int = 1, mark: str = "a", **what: Any) -> Sign:
    return Sign(mark, at, what.pop("first", at), times, **{"holds": True, **what})


def restarted(state: State) -> State:
    """As it comes back from the record."""
    return msgspec.json.decode(msgspec.json.encode(state), type=State)


def fed(window: windows.Window, *signs: Sign) -> State:
    state = State()
    for each in signs:
        windows.feed(window, state, each)
        state = restarted(state)
    return state


def on(window: windows.Window, state: State, now: int) -> bool:
    windows.settle(window, state, now)
    return state.on


@pytest.mark.parametrize(("after", "holds"), [(-1, False), (0, True), (1, True)])
def test_for(after: int, holds: bool) -> None:
    window = Holds(5 * M)
    state = fed(window, sign(T), sign(T + 4 * M, times=0))
    assert windows.settle(window, state, T + 4 * M) == windows.Settled(T + 5 * M)
    assert on(window, state, T + 5 * M + after) is holds


def test_for_is_broken_by_one_moment_without() -> None:
    window = Holds(5 * M)
    state = fed(window, sign(T), sign(T + 2 * M, holds=False), sign(T + 2 * M + 1))
    assert not on(window, state, T + 7 * M)
    assert on(window, state, T + 7 * M + 1)


def test_for_tells_whom_it_concerns_when_it_turns() -> None:
    window = Holds(M)
    state = fed(window, sign(T))
    assert windows.settle(window, state, T + M).turned == ("a",)
    assert windows.settle(window, state, T + 2 * M).turned == ()
    windows.feed(window, state, sign(T + 3 * M, times=0, holds=False))
    assert windows.settle(window, state, T + 3 * M).turned == ("a",)
    assert windows.idle(state)


@pytest.mark.parametrize(("after", "holds"), [(-1, True), (0, False), (1, False)])
def test_a_sign_counts_for_less_than_the_window(after: int, holds: bool) -> None:
    window = Counted(3, 10 * M)
    state = fed(window, sign(T), sign(T + M), sign(T + 2 * M))
    assert windows.settle(window, state, T + 2 * M).due == T + 10 * M
    assert on(window, state, T + 10 * M + after) is holds


def test_count_needs_as_many_as_it_says() -> None:
    window = Counted(3, 10 * M)
    state = fed(window, sign(T), sign(T + M))
    assert windows.settle(window, state, T + M) == windows.Settled(T + 11 * M)
    assert not state.on
    windows.feed(window, state, sign(T + M, mark="b"))
    assert windows.settle(window, state, T + M).turned == ("a", "b")
    assert state.on


def test_an_aggregate_counts_its_first_apart() -> None:
    window = Counted(3, 10 * M)
    state = fed(window, sign(T + 9 * M, times=3, first=T))
    assert on(window, state, T + 10 * M - 1)
    assert not on(window, state, T + 10 * M)


def test_what_nobody_sent_is_not_counted() -> None:
    window = Counted(1, 10 * M)
    assert not on(window, fed(window, sign(T, times=0), sign(T, holds=False)), T)


@pytest.mark.parametrize(("after", "gone"), [(-1, False), (0, True), (1, True)])
def test_absence(after: int, gone: bool) -> None:
    window = Absent(10 * M)
    state = fed(window, sign(T), sign(T + M), sign(T + M // 2))
    assert windows.settle(window, state, T + M).due == T + 11 * M
    assert on(window, state, T + 11 * M + after) is gone


def test_absence_ends_with_the_next_sign_and_what_never_came_is_not_missed() -> None:
    window = Absent(10 * M)
    state = fed(window, sign(T))
    assert on(window, state, T + 20 * M)
    windows.feed(window, state, sign(T + 20 * M, times=0))
    assert on(window, state, T + 20 * M)
    windows.feed(window, state, sign(T + 20 * M))
    assert not on(window, state, T + 20 * M)
    assert not on(window, State(), T)


@pytest.mark.parametrize(("after", "follows"), [(-1, True), (0, True), (1, False)])
def test_sequence(after: int, follows: bool) -> None:
    window = Followed(5 * M)
    second = sign(T + 5 * M + after, mark="b", holds=False, then=True)
    state = fed(window, sign(T), second)
    assert on(window, state, second.at) is follows


def test_a_sequence_has_an_order_and_ends() -> None:
    window = Followed(5 * M)
    b = sign(T, mark="b", holds=False, then=True)
    assert not on(window, fed(window, b, sign(T + 1)), T + 1)
    both = sign(T, then=True)
    assert not on(window, fed(window, both), T)
    state = fed(window, sign(T - 1), b)
    assert windows.settle(window, state, T).due == T + 5 * M
    assert on(window, state, T + 5 * M - 1)
    assert windows.settle(window, state, T + 5 * M).turned == ("b",)
    assert windows.idle(state)


def test_a_first_step_that_nothing_followed_is_forgotten() -> None:
    window = Followed(5 * M)
    state = fed(window, sign(T))
    assert windows.settle(window, state, T).due == T + 5 * M + 1
    assert windows.settle(window, state, T + 5 * M + 1).due is None
    assert windows.idle(state)


def test_counts_for_functions_are_kept_as_long_as_they_look_back() -> None:
    window, state = Holds(0, 10 * M), State()
    for at in (T, T + M, T + 2 * M):
        windows.count(state, sign(at))
    assert windows.came(state, T + 10 * M - 1, 10 * M) == 3
    assert windows.came(state, T + 10 * M, 10 * M) == 2
    windows.settle(window, state, T + 10 * M)
    assert len(state.signs) == 2


TIMES = st.lists(st.integers(0, 30 * M), min_size=1, max_size=40)


@given(TIMES, st.integers(1, 10), st.integers(1, 20))
def test_count_is_what_a_plain_count_says(times: list[int], at_least: int, minutes: int) -> None:
    window, state = Counted(at_least, minutes * M), State()
    for n, at in enumerate(sorted(times), 1):
        windows.feed(window, state, sign(T + at))
        due = windows.settle(window, state, T + at).due
        plain = sum(1 for each in sorted(times)[:n] if at - each < minutes * M)
        assert state.on is (plain >= at_least)
        assert due is not None
        assert due > T + at
        state = restarted(state)


@given(st.integers(200, 1500), st.integers(1, 50))
def test_a_flood_takes_little_room_and_is_never_counted_short(total: int, step: int) -> None:
    window, state = Counted(total, 10_000 * M), State()
    for n in range(total):
        windows.feed(window, state, sign(T + n * step, mark=str(n)))
    assert len(state.signs) <= windows.MAX_SIGNS
    assert len(state.marks) <= windows.MAX_MARKS
    assert on(window, state, T + total * step)


def test_moments_go_there_and_back() -> None:
    for at in itertools.chain(range(3), [T, 1_700_000_000_123_457]):
        assert windows.ticks(windows.moment(at)) == at
