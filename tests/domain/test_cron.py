"""Cron expressions: what they mean, and what clocks do to them that are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import cron as written
from tocsin.domain import cron

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 3 * * *", "2026-11-21 02:59:59", "2026-11-21 03:00"),
        ("0 3 * * *", "2026-11-21 03:00", "2026-11-22 03:00"),
        ("*/15 * * * *", "2026-11-21 03:01", "2026-11-21 03:15"),
        ("5/20 * * * *", "2026-11-21 03:26", "2026-11-21 03:45"),
        ("0 9-17/4 * * mon-fri", "2026-11-20 17:00", "2026-11-23 09:00"),
        ("0 0 * * 7", "2026-11-21 00:00", "2026-11-22 00:00"),
        ("0 0 1,15 * *", "2026-11-21 00:00", "2026-12-01 00:00"),
        ("0 0 13 * fri", "2026-11-21 00:00", "2026-11-27 00:00"),
        ("0 0 31 * *", "2026-11-21 00:00", "2026-12-31 00:00"),
        ("0 0 29 feb *", "2026-11-21 00:00", "2028-02-29 00:00"),
        ("@hourly", "2026-11-21 03:00", "2026-11-21 04:00"),
        ("@weekly", "2026-11-21 03:00", "2026-11-22 00:00"),
    ],
)
def test_the_next_moment(text: str, after: str, expected: str) -> None:
    assert cron.following(text, "UTC", at(after)) == at(expected)


def test_a_time_that_the_clocks_leap_over_comes_once_and_later() -> None:
    """On 29 March 2026 Berlin goes from 02:00 to 03:00, which is 01:00 UTC."""
    first = cron.following("30 2 * * *", BERLIN, at("2026-03-28 02:00"))
    assert first == at("2026-03-29 01:30")
    assert cron.following("30 2 * * *", BERLIN, at("2026-03-29 01:30")) == at("2026-03-30 00:30")


def test_a_time_that_the_clocks_show_twice_comes_the_first_time() -> None:
    """On 25 October 2026 Berlin goes from 03:00 back to 02:00, which is 01:00 UTC."""
    assert cron.following("30 2 * * *", BERLIN, at("2026-10-24 12:00")) == at("2026-10-25 00:30")
    assert cron.following("30 2 * * *", BERLIN, at("2026-10-25 00:30")) == at("2026-10-26 01:30")


def test_what_comes_each_hour_comes_in_both_of_them() -> None:
    found, moment = [], at("2026-10-24 23:30")
    for _ in range(4):
        following = cron.following("0 * * * *", BERLIN, moment)
        assert following is not None
        found.append(following - moment)
        moment = following
    assert found == [timedelta(minutes=30), *[timedelta(hours=1)] * 3]


def test_where_the_clocks_are_is_where_it_is_meant() -> None:
    assert cron.following("0 3 * * *", "Asia/Kolkata", at("2026-11-21 00:00")) == at(
        "2026-11-21 21:30"
    )


@settings(max_examples=40)
@given(
    minute=st.sampled_from(["*", "*/7", "0", "30", "1,59"]),
    hour=st.sampled_from(["*", "*/5", "2", "0", "23", "1-3"]),
    days=st.sampled_from(["* * *", "31 * *", "* * sun", "1 1 *"]),
    zone=st.sampled_from([BERLIN, "UTC", "Australia/Lord_Howe", "America/New_York"]),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
def test_short_and_long_ways_lead_to_the_same(
    minute: str, hour: str, days: str, zone: str, after: datetime
) -> None:
    text = f"{minute} {hour} {days}"
    found = cron.following(text, zone, after)
    assert found is not None
    assert found > after
    read, where = written.parse(text), ZoneInfo(zone)
    near = {after.date(), found.astimezone(where).date()}
    slow = min(
        at
        for day in (one + timedelta(days=n) for one in near for n in (-1, 0, 1))
        if cron._falls(read, day)
        for at in cron._of_day(read, day, where)
        if at > after
    )
    assert found == slow


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 3 * *", "five fields"),
        ("", "five fields"),
        ("60 * * * *", "`60` is no minute"),
        ("* 24 * * *", "`24` is no hour"),
        ("0 0 0 * *", "no day of the month"),
        ("0 0 * 13 *", "no month"),
        ("0 0 * * 8", "no day of the week"),
        ("0 0 * * mon-sun", "ends before it begins"),
        ("*/0 * * * *", "a step is 1 or more"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 L * *", "`l` is no day of the month"),
        ("a,b * * * *", "`a` is no minute"),
        ("1-2-3 * * * *", "write numbers"),
        ("0 0 * * *" + " " * 300, "longer than"),
    ],
)
def test_what_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        written.parse(text)
