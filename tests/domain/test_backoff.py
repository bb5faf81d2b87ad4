"""Attempts come further and further apart, and an end comes to them."""

from __future__ import annotations

from datetime import timedelta
from itertools import count, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import backoff


def test_delays() -> None:
    assert [backoff.delay(n) for n in range(13)] == [
        0, 2, 5, 15, 30, 60, 60, 60, 60, 60, 60, 300, 300,
    ]  # fmt: skip


def test_counting_alone_comes_to_an_end_after_a_day() -> None:
    waits = [backoff.delay(n) for n in takewhile(lambda n: backoff.delay(n) is not None, count())]
    total = timedelta(seconds=sum(wait for wait in waits if wait))
    assert backoff.MAX_AGE <= total < backoff.MAX_AGE + timedelta(minutes=5)


def test_age_ends_it() -> None:
    assert backoff.delay(1, backoff.MAX_AGE - timedelta(microseconds=1)) == 2
    assert backoff.delay(1, backoff.MAX_AGE) is None


def test_a_burst_passes_and_then_one_each_period() -> None:
    tat: float | None = None
    answers = []
    for now in (0, 0, 0, 0, 9.5, 10, 10):
        allowed, tat, after = backoff.gcra(tat, now, 10, 3)
        answers.append((allowed, after))
    assert answers == [
        (True, 0), (True, 0), (True, 0), (False, 10), (False, 0.5), (True, 0), (False, 10),
    ]  # fmt: skip


@pytest.mark.parametrize("tat", [None, 0.0])
def test_a_limit_that_rested_is_fresh(tat: float | None) -> None:
    assert backoff.gcra(tat, 1000, 10, 1) == (True, 1010, 0)


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 10), st.integers(1, 5))
def test_never_more_than_the_limit_in_any_window(gaps: list[int], period: int, burst: int) -> None:
    now, tat, passed = 0, None, []
    for gap in gaps:
        now += gap
        allowed, tat, after = backoff.gcra(tat, now, period, burst)
        assert allowed or backoff.gcra(tat, now + after, period, burst)[0]
        if allowed:
            passed.append(now)
    for at, start in enumerate(passed):
        for n, end in enumerate(passed[at:], start=1):
            assert n <= burst + (end - start) / period
