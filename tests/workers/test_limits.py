"""One rate limit for all processes, and one each where Redis is dead."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.conftest import Servers
from tocsin.domain import backoff
from workers import limits

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
numbers = itertools.count(1)
DEAD = "redis://127.0.0.1:1/0"


def waits(limiters: list[limits.Limiter], times: int, now: datetime, key: str) -> list[float]:
    """What each asks in turn is answered; one a second, three at once."""
    return [limiters[n % len(limiters)].wait(key, 1, 3, now) for n in range(times)]


def test_two_processes_share_one_limit(redis_url: str) -> None:
    both = [limits.Limiter(redis_url), limits.Limiter(redis_url)]
    assert waits(both, 5, T, "one") == pytest.approx([0, 0, 0, 1, 1])
    assert waits(both, 1, T, "another") == [0]
    later = T + timedelta(seconds=1.5)
    assert waits(both, 2, later, "one") == pytest.approx([0, 0.5])
    rested = T + timedelta(seconds=60)
    assert waits(both, 4, rested, "one") == pytest.approx([0, 0, 0, 1])


def test_without_redis_each_keeps_the_limit_by_itself() -> None:
    one, other = limits.Limiter(DEAD), limits.Limiter(DEAD)
    assert waits([one], 4, T, "one") == pytest.approx([0, 0, 0, 1])
    assert waits([other], 4, T, "one") == pytest.approx([0, 0, 0, 1])
    assert waits([one], 1, T, "another") == [0]


def test_a_process_alone_forgets_the_keys_that_were_used_longest_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "LOCAL_KEYS", 2)
    one = limits.Limiter(DEAD)
    for key in ("a", "b", "a", "c"):
        one.wait(key, 1, 3, T)
    assert list(one._local) == ["a", "c"]


@given(st.lists(st.integers(0, 3000), max_size=12), st.integers(1, 20), st.integers(1, 4))
@example([0, 0, 0], 6, 2)  # the second of two at once was refused for 0.2 us
def test_redis_answers_as_the_formula_does(
    servers: Servers, steps: list[int], per_second: int, burst: int
) -> None:
    shared, key = limits.Limiter(f"{servers.redis_url}?db=5"), f"formula {next(numbers)}"
    moment, tat = T, None
    for step in steps:
        moment += timedelta(milliseconds=step)
        allowed, arrival, after = backoff.gcra(tat, moment.timestamp(), 1 / per_second, burst)
        tat = arrival if allowed else tat
        answered = shared.wait(key, per_second, burst, moment)
        assert answered == pytest.approx(0 if allowed else after, abs=2e-5)
