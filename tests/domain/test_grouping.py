"""Groups keep their id and speak on their grid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import grouping

T = datetime(2026, 3, 1, 3, 7, tzinfo=UTC)
TICK = timedelta(microseconds=1)
WAIT = timedelta(seconds=30)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def test_group_id_is_the_same_for_ever() -> None:
    id = grouping.group_id(1, "{}", {"b": "2", "a": "1"})
    assert str(id) == "f00be811-5b35-8976-aff4-1ca8cb00eb08"
    assert id == grouping.group_id(1, "{}", {"a": "1", "b": "2"})
    assert id.version == 8


def test_group_ids_do_not_run_together() -> None:
    ids = {
        grouping.group_id(1, "{}", {"a": "bc"}),
        grouping.group_id(1, "{}", {"ab": "c"}),
        grouping.group_id(1, "{}", {"a": "b", "c": ""}),
        grouping.group_id(1, "{}a", {"bc": ""}),
        grouping.group_id(1, "{}", {}),
        grouping.group_id(2, "{}", {}),
        grouping.group_id(2, "{}", {"a": "bc"}),
    }
    assert len(ids) == 7


@pytest.mark.parametrize(
    ("starts_at", "expected"),
    [
        (T, T + WAIT),  # began now
        (T - WAIT, T + WAIT),  # exactly the wait ago: as in Alertmanager it still waits
        (T - WAIT - TICK, T),  # longer ago: at once
        (T + WAIT, T + WAIT),  # a clock that is ahead does not delay it
    ],
)
def test_first_flush(starts_at: datetime, expected: datetime) -> None:
    assert grouping.first_flush(T, T, starts_at, WAIT) == expected


def test_first_flush_waits_from_the_creation_of_the_group() -> None:
    created = T - timedelta(seconds=20)
    assert grouping.first_flush(T, created, T, WAIT) == created + WAIT
    assert grouping.first_flush(T, T, T, timedelta(0)) == T


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (T - timedelta(hours=1), T + 1 * WAIT),
        (T, T + 1 * WAIT),
        (T + WAIT - TICK, T + 1 * WAIT),
        (T + WAIT, T + 2 * WAIT),
        (T + WAIT + TICK, T + 2 * WAIT),
        (T + 100 * WAIT, T + 101 * WAIT),
    ],
)
def test_next_tick(now: datetime, expected: datetime) -> None:
    assert grouping.next_tick(T, WAIT, now) == expected


def test_next_tick_without_interval_is_now() -> None:
    assert grouping.next_tick(T, timedelta(0), T + TICK) == T + TICK


@given(MOMENTS, MOMENTS, st.timedeltas(TICK, timedelta(days=3650)))
def test_next_tick_is_the_first_on_the_grid(
    anchor: datetime, now: datetime, interval: timedelta
) -> None:
    tick = grouping.next_tick(anchor, interval, now)
    assert tick > max(anchor, now)
    assert (tick - anchor) % interval == timedelta(0)
    assert tick - interval <= max(anchor, now)
