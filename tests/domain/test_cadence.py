"""When reports are due, and what time they are about, over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import reporting
from tocsin.domain import cadence, statistics

MONDAYS = cadence.Rhythm("weekly", time(8), "Europe/Berlin")
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def test_eight_stays_eight_over_changes_of_the_clock() -> None:
    moment, shown = berlin("2026-03-20T12:00").astimezone(UTC), []
    for _ in range(3):
        moment = cadence.following(MONDAYS, moment)
        shown.append((moment.astimezone(ZoneInfo("Europe/Berlin")).isoformat(), moment.hour))
    assert shown == [
        ("2026-03-23T08:00:00+01:00", 7),
        ("2026-03-30T08:00:00+02:00", 6),
        ("2026-04-06T08:00:00+02:00", 6),
    ]


def test_a_time_that_the_day_lacks_or_has_twice_comes_once() -> None:
    nightly = cadence.Rhythm("daily", time(2, 30), "Europe/Berlin")
    assert cadence.following(nightly, berlin("2026-03-28T12:00")) == berlin("2026-03-29T03:30")
    first = cadence.following(nightly, berlin("2026-10-24T12:00"))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert cadence.following(nightly, first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@given(moments, st.sampled_from(["daily", "weekly", "monthly"]),
       st.times().map(lambda at: at.replace(second=0, microsecond=0)),
       st.sampled_from(["Europe/Berlin", "America/Havana", "Pacific/Apia", "UTC"]))  # fmt: skip
def test_each_run_has_its_own_period_and_none_is_left_out(
    moment: datetime, every: reporting.Cadence, at: time, zone: str
) -> None:
    rhythm = cadence.Rhythm(every, at, zone)
    first = cadence.following(rhythm, moment)
    second = cadence.following(rhythm, first)
    assert moment < first < second
    one, two = cadence.period(every, first, zone), cadence.period(every, second, zone)
    assert one.starts_at < one.ends_at == two.starts_at <= second
    assert one.ends_at <= first


def test_periods_that_people_ask_for() -> None:
    now = berlin("2026-04-01T09:30")
    last = cadence.named("last-week", now, "Europe/Berlin")
    assert (last.starts_at, last.ends_at) == (
        berlin("2026-03-23T00:00"), berlin("2026-03-30T00:00"),
    )  # fmt: skip
    # One hour was left out on the Sunday.
    assert last.ends_at - last.starts_at == timedelta(days=7, hours=-1)
    assert len(cadence.days(last)) == 7
    month = cadence.named("last-month", now, "Europe/Berlin")
    assert (month.starts_at, month.ends_at) == (
        berlin("2026-03-01T00:00"), berlin("2026-04-01T00:00"),
    )  # fmt: skip
    today = cadence.named("this-day", now, "Europe/Berlin")
    assert (today.starts_at, today.ends_at) == (berlin("2026-04-01T00:00"), now)
    two = cadence.named("2026-01-01/2026-01-03", now, "UTC")
    assert two.ends_at - two.starts_at == timedelta(days=2)


@pytest.mark.parametrize("text", ["", "week", "last-year", "2026-01-02", "2026-01-02/2026-01-01",
                                  "2020-01-01/2026-01-01", "a/b"])  # fmt: skip
def test_a_period_that_is_none_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"period"):
        cadence.named(text, berlin("2026-04-01T09:30"), "UTC")


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [15, 20, 35, 40, 50]
    assert [statistics.percentile(values, p) for p in (5, 30, 40, 50, 100)] == [15, 20, 20, 35, 50]
    assert statistics.percentile([], 50) is None
    assert statistics.percentile([3], 90) == 3


def test_nothing_has_no_mean_and_no_share() -> None:
    assert statistics.mean([]) is None
    assert statistics.share(0, 0) is None
    assert statistics.mean([1, 2]) == 1.5
    assert statistics.share(1, 4) == 0.25
