"""Each feature against numbers worked out by hand; the formulas are in docs/scoring.md."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import baselines, features
from tocsin.domain.baselines import Hours, Level, Shares
from tocsin.domain.features import Event, Memory, Row

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


def at(**units: float) -> datetime:
    return START + timedelta(**units)


def event(when: datetime, status: str = "firing", **more: str) -> Event:
    labels = {"alertname": "Disk", "service": "db", **more}
    return Event(when, "Disk", "db", labels, status)


def feature(row: Row, name: str) -> float:
    return row.values[features.NAMES.index(name)]


def hourly(days: int) -> Memory:
    """One arrival at each half hour past for so many days."""
    memory = Memory()
    for hour in range(days * 24):
        features.observe(memory, event(at(hours=hour, minutes=30)))
    return memory


def test_a_level_is_the_mean_and_mean_deviation_of_the_first_values() -> None:
    level = Level()
    for value in (1.0, 3.0, 2.0):
        level.learn(value, 0.1)
    assert level.middle == pytest.approx(2.0)
    # Steps from the middle before each: 0, 2, 0.
    assert level.spread == pytest.approx(2 / 3)
    assert level.far(9.0, 0.1) == 0.0  # three values say nothing yet
    for value in (2.0, 2.0):
        level.learn(value, 0.1)
    assert level.far(4.0, 0.1) == pytest.approx(2.0 / (level.spread / 0.8 + 0.1))


def test_a_stray_value_moves_a_level_by_three_spreads_of_a_hundredth_at_most() -> None:
    level = Level(middle=10.0, spread=0.8, seen=200)
    level.learn(1e9, 0.0)
    assert level.middle == pytest.approx(10.0 + 0.01 * 3.0)


def test_a_share_surprises_by_its_logarithm_beyond_what_is_usual() -> None:
    shares = Shares()
    for _ in range(99):
        shares.learn("eu")
    assert shares.surprise("eu") == pytest.approx(0.0, abs=0.01)
    # New once in 99 times: (1 + 0.5) / 100; the usual surprise is about nothing.
    assert shares.surprise("us") == pytest.approx(-math.log(1.5 / 100), abs=0.05)


def test_a_label_whose_values_are_always_new_never_surprises() -> None:
    shares = Shares()
    for number in range(200):
        shares.learn(f"pod-{number}")
    assert shares.surprise("pod-x") < 0.05
    assert len(shares.counts) == baselines.MAX_VALUES


def test_counts_are_compared_in_standard_deviations() -> None:
    assert baselines.above(14, 1) == pytest.approx(2 * (math.sqrt(14.375) - math.sqrt(1.375)))
    assert baselines.above(5, 5) == 0


def test_hours_learn_the_day_and_count_the_empty_ones() -> None:
    hours = Hours()
    for day in range(14):
        hours.move(at(days=day, hours=9).timestamp())
        for _ in range(6):
            hours.arrive()
    hours.move(at(days=14).timestamp())
    nine, ten = (int(at(days=14, hours=h).timestamp() // 3600) for h in (9, 10))
    assert hours.usual(nine) > 4
    assert hours.usual(ten) < 0.2
    first, last = at(days=14, hours=0).timestamp(), at(days=15, hours=0).timestamp()
    assert hours.missed(first, last) == pytest.approx(hours.usual(nine), abs=1.5)


def test_what_comes_as_usual_has_no_feature_above_nothing() -> None:
    row = features.observe(hourly(14), event(at(days=14, minutes=30)))
    assert row.values == (0.0,) * len(features.NAMES)
    assert row.settled


def test_fourteen_in_ten_minutes_where_one_in_an_hour_is_usual() -> None:
    memory = hourly(14)
    for number in range(14):
        row = features.observe(memory, event(at(days=14, minutes=30, seconds=number)))
    usual = row.facts["rate"].usual
    assert row.facts["rate"].seen == 14
    assert usual == pytest.approx(1 / 6, abs=0.02)
    assert feature(row, "rate") == pytest.approx(baselines.above(14, usual) - 1.5, abs=0.01)


def test_a_silence_shows_when_it_ends_and_at_a_tick_before() -> None:
    memory = hourly(14)
    tick = Event(at(days=14, hours=8), "Disk", "db", status="tick")
    looked = features.observe(memory, tick)
    again = features.observe(memory, tick)
    assert looked == again, "a tick teaches nothing"
    ended = features.observe(memory, event(at(days=14, hours=8)))
    assert feature(ended, "gap") == feature(looked, "gap") > 2
    fact = ended.facts["gap"]
    assert fact.seen == 8.5 * 3600
    assert fact.usual == pytest.approx(3600, rel=0.01)


def test_a_night_in_which_nothing_ever_comes_is_no_silence() -> None:
    memory = Memory()
    for day in range(14):
        for minute in range(0, 480, 20):
            row = features.observe(memory, event(at(days=day, hours=9, minutes=minute)))
    night = features.observe(memory, event(at(days=14, hours=9)))
    assert feature(night, "gap") < 0.8
    assert feature(row, "gap") == 0


def test_an_unusual_hour() -> None:
    memory = Memory()
    for day in range(20):
        features.observe(memory, event(at(days=day, hours=14)))
    assert feature(features.observe(memory, event(at(days=20, hours=3))), "hour") > 2


def test_how_long_it_fired() -> None:
    memory = Memory()
    for hour in range(30):
        features.observe(memory, event(at(hours=hour)))
        features.observe(memory, event(at(hours=hour, minutes=10), "resolved"))
    features.observe(memory, event(at(hours=30)))
    long = features.observe(memory, event(at(hours=34), "resolved"))
    assert long.facts["duration"].seen == 4 * 3600
    assert long.facts["duration"].usual == pytest.approx(600, rel=0.01)
    # log(14401 / 601) over the floor of a quarter, less what is usual
    assert feature(long, "duration") == pytest.approx(math.log(14401 / 601) / 0.25 - 1.5, abs=0.1)


def test_a_rare_label_is_named() -> None:
    memory = hourly(5)
    row = features.observe(memory, event(at(days=5, minutes=30), region="moon"))
    assert row.facts["rarity"].about == "region"
    assert feature(row, "rarity") > 3


def test_many_kinds_at_once() -> None:
    memory = Memory()
    for day in range(10):
        for number in range(8):
            one = Event(at(days=day, hours=number), f"A{number}", "s")
            features.observe(memory, one)
    for number in range(8):
        row = features.observe(memory, Event(at(days=10, seconds=number), f"A{number}", "s"))
    assert row.facts["width"].seen == 8
    assert row.facts["width"].usual == pytest.approx(1.0, abs=0.2)
    # 2 (sqrt(8.375) - sqrt(1.486)) = 3.35, less the 1.5 that are usual
    assert feature(row, "width") == pytest.approx(1.85, abs=0.1)


def test_a_value_and_its_slow_climb() -> None:
    memory = Memory()
    for hour in range(100):
        labels = {"alertname": "Disk"}
        calm = Event(at(hours=hour), "Disk", "db", labels, "firing", 50.0 + hour % 2)
        features.observe(memory, calm)
    far = features.observe(msgspec_copy(memory), Event(at(hours=100), "Disk", "db", {}, value=70.0))
    assert feature(far, "value") > 5
    for hour in range(100, 140):
        slow = Event(at(hours=hour), "Disk", "db", {}, "firing", 51.5 + (hour - 100) * 0.05)
        row = features.observe(memory, slow)
    assert feature(row, "value") < 2
    assert feature(row, "trend") > 2


def msgspec_copy(memory: Memory) -> Memory:
    return msgspec.json.decode(msgspec.json.encode(memory), type=Memory)


def test_a_memory_is_stored_and_read_back() -> None:
    memory = hourly(3)
    again = msgspec_copy(memory)
    late = event(at(days=3, minutes=30))
    assert features.observe(memory, late) == features.observe(again, late)
    assert len(msgspec.json.encode(memory)) < 8000


def test_no_text_of_alerts_is_remembered() -> None:
    memory = Memory()
    features.observe(memory, event(START, customer="Mustermann"))
    assert b"Mustermann" not in msgspec.json.encode(memory)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e7), st.sampled_from(["firing", "resolved", "tick"]),
            st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=20),
            st.none() | st.floats(),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_whatever_comes_features_are_bounded(
    told: list[tuple[float, str, dict[str, str], float | None]],
) -> None:
    memory = Memory()
    for seconds, status, labels, value in told:
        one = Event(at(seconds=seconds), "A", "s", labels, status, value)
        row = features.observe(memory, one)
        assert all(0 <= found <= features.CAP for found in row.values)
        assert all(math.isfinite(number) for fact in row.facts.values() for number in fact[:2])
    msgspec.json.encode(memory)
