"""Who is on call: layers, hours, changes of the clock, overrides; with dates that can be checked
on a calendar."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.domain import oncall
from tocsin.domain.oncall import wall

BERLIN = ZoneInfo("Europe/Berlin")
ALL_DAYS = frozenset(range(7))
HOUR = timedelta(hours=1)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def weekly(*people: str, starts: str = "2026-01-05", minutes: int = 540) -> oncall.Rotation:
    day = date.fromisoformat(starts)
    turns = tuple((name,) for name in people)
    return oncall.Rotation(turns, oncall.Days(7, day), day, minutes)


def layer(source: oncall.Rotation, name: str = "layer 1", **rest: object) -> oncall.Layer:
    return oncall.Layer(name, "Europe/Berlin", source, **rest)  # type: ignore[arg-type]


def schedule(*layers: oncall.Layer) -> oncall.Schedule:
    return oncall.Schedule("primary", "Europe/Berlin", layers)


PRIMARY = schedule(layer(weekly("anna", "ben")))


def test_turns_change_on_monday_at_nine() -> None:
    assert oncall.who(PRIMARY, at("2026-01-05 08:59")) == ()
    assert oncall.who(PRIMARY, at("2026-01-05 09:00")) == ("anna",)
    assert oncall.who(PRIMARY, at("2026-01-12 08:59:59")) == ("anna",)
    assert oncall.who(PRIMARY, at("2026-01-12 09:00")) == ("ben",)
    assert oncall.who(PRIMARY, at("2026-12-24 03:00")) == ("anna",)


def test_weeks_with_a_change_of_the_clock_are_an_hour_shorter_or_longer() -> None:
    year = oncall.shifts(PRIMARY, at("2026-01-05 09:00"), at("2027-01-04 09:00"))
    lengths = {each.starts_at.astimezone(BERLIN).date(): each.ends_at - each.starts_at
               for each in year}  # fmt: skip
    assert len(lengths) == 52
    assert lengths.pop(date(2026, 3, 23)) == timedelta(days=7) - HOUR
    assert lengths.pop(date(2026, 10, 19)) == timedelta(days=7) + HOUR
    assert set(lengths.values()) == {timedelta(days=7)}


def test_twelve_hours_pass_whatever_the_clock_does() -> None:
    day = date(2026, 3, 28)
    source = oncall.Rotation((("anna",), ("ben",)), oncall.Hours(12), day, 8 * 60)
    found = oncall.shifts(schedule(layer(source)), at("2026-03-28 08:00"), at("2026-03-30 08:00"))
    shown = [each.starts_at.astimezone(BERLIN).strftime("%d %H:%M") for each in found]
    assert shown == ["28 08:00", "28 20:00", "29 09:00", "29 21:00"]


@pytest.mark.parametrize(
    ("zone", "shown", "utc"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),  # jumped over: the jump
        ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # half an hour
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 04:00"),  # no midnight
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 10:00"),  # no such day
        ("Asia/Kathmandu", "2026-01-01 00:00", "2025-12-31 18:15"),
    ],
)
def test_times_that_are_not_there_and_times_that_are_there_twice(
    zone: str, shown: str, utc: str
) -> None:
    assert wall.read(zone, datetime.fromisoformat(shown)) == at(utc, ZoneInfo("UTC"))


def test_a_hand_off_in_the_hour_that_comes_twice_is_in_the_first() -> None:
    found = schedule(layer(weekly("anna", "ben", starts="2026-10-18", minutes=150)))
    assert oncall.who(found, at("2026-10-25 02:29")) == ("anna",)
    assert oncall.who(found, at("2026-10-25 02:30")) == ("ben",)
    assert oncall.who(found, at("2026-10-25 02:29", fold=1)) == ("ben",)


def test_later_layers_win_where_they_have_somebody() -> None:
    nights = oncall.Span(frozenset({4}), 22 * 60, 30 * 60)
    found = schedule(layer(weekly("anna")), layer(weekly("cleo"), "friday nights", hours=(nights,)))
    shifts = oncall.shifts(found, at("2026-01-09 12:00"), at("2026-01-10 12:00"))
    assert [(each.people, each.layer, each.ends_at) for each in shifts] == [
        (("anna",), "layer 1", at("2026-01-09 22:00")),
        (("cleo",), "friday nights", at("2026-01-10 06:00")),
        (("anna",), "layer 1", at("2026-01-10 12:00")),
    ]


def test_an_upper_layer_with_hours_alone_leaves_gaps() -> None:
    office = oncall.Span(frozenset(range(5)), 9 * 60, 17 * 60)
    found = schedule(layer(weekly("anna"), hours=(office,)))
    since, until = at("2026-01-09 09:00"), at("2026-01-12 17:00")
    assert oncall.gaps(found, since, until) == [
        oncall.Gap(at("2026-01-09 17:00"), at("2026-01-12 09:00"))
    ]
    assert oncall.following(found, since) == oncall.Gap(
        at("2026-01-09 17:00"), at("2026-01-12 09:00")
    )
    following = oncall.following(found, at("2026-01-10 12:00"))
    assert isinstance(following, oncall.Shift)
    assert following.starts_at == at("2026-01-12 09:00")


def test_holidays_belong_to_the_layer_of_holidays() -> None:
    day = frozenset({date(2026, 12, 25)})
    found = schedule(layer(weekly("anna"), never=day), layer(weekly("ben"), "holidays", only=day))
    assert oncall.who(found, at("2026-12-24 23:59")) == ("anna",)
    assert oncall.who(found, at("2026-12-25 00:00")) == ("ben",)
    assert oncall.who(found, at("2026-12-25 23:59")) == ("ben",)
    assert oncall.who(found, at("2026-12-26 00:00")) == ("anna",)
    assert oncall.gaps(schedule(found.layers[0]), at("2026-12-01 00:00"), at("2026-12-31 00:00")) \
        == [oncall.Gap(at("2026-12-25 00:00"), at("2026-12-26 00:00"))]  # fmt: skip


def test_the_first_monday_of_the_month() -> None:
    day = date(2026, 1, 1)
    rule = oncall.Rule("FREQ=MONTHLY;BYDAY=1MO")
    source = oncall.Rotation((("anna",), ("ben",), ("cleo",)), rule, day, 540)
    found = oncall.shifts(schedule(layer(source)), at("2026-01-01 09:00"), at("2026-05-01 00:00"))
    assert [(each.starts_at.astimezone(BERLIN).strftime("%m-%d %H:%M"), each.people[0])
            for each in found] == [
        ("01-01 09:00", "anna"), ("01-05 09:00", "ben"), ("02-02 09:00", "cleo"),
        ("03-02 09:00", "anna"), ("04-06 09:00", "ben"),
    ]  # fmt: skip


def override(person: str, since: str, until: str, of: str = "primary") -> oncall.Override:
    return oncall.Override(of, person, at(since), at(until), uuid.uuid5(uuid.NAMESPACE_DNS, person))


def test_overrides_win_and_several_stand_in_together() -> None:
    cleo = override("cleo", "2026-01-06 10:00", "2026-01-06 12:00")
    dora = override("dora", "2026-01-06 11:00", "2026-01-06 13:00")
    other = override("eve", "2026-01-06 11:00", "2026-01-06 13:00", of="secondary")
    found = oncall.shifts(
        PRIMARY, at("2026-01-06 00:00"), at("2026-01-07 00:00"), [dora, cleo, other]
    )
    assert [each.people for each in found] == [
        ("anna",), ("cleo",), ("cleo", "dora"), ("dora",), ("anna",),
    ]  # fmt: skip
    assert found[1].overrides == (cleo.id,)
    assert found[1].layer is None
    assert oncall.who(PRIMARY, at("2026-01-06 12:00"), [cleo]) == ("anna",)
    empty = schedule()
    assert oncall.who(empty, at("2026-01-06 11:30"), [cleo]) == ("cleo",)
    assert oncall.who(empty, at("2026-01-06 12:30"), [cleo]) == ()


def test_what_comes_next_is_whole_even_if_it_is_far_away() -> None:
    yearly = oncall.Rule("FREQ=YEARLY")
    source = oncall.Rotation((("anna",), ("ben",)), yearly, date(2026, 1, 1), 0)
    following = oncall.following(schedule(layer(source)), at("2026-12-01 00:00"))
    assert isinstance(following, oncall.Shift)
    assert following.people == ("ben",)
    assert following.starts_at == at("2027-01-01 00:00")
    assert oncall.following(schedule(layer(weekly("anna"))), at("2026-12-01 00:00")) is None
    assert oncall.following(schedule(), at("2026-12-01 00:00")) is None


def test_a_year_of_shifts_reads_each_hand_off_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timed test: the count says that time grows with the shifts and with nothing else."""
    asked: list[datetime] = []
    real = wall.read

    def counting(zone: str, shown: datetime) -> datetime:
        asked.append(shown)
        return real(zone, shown)

    monkeypatch.setattr(wall, "read", counting)
    day = date(2015, 1, 1)
    daily = oncall.Rotation((("anna",), ("ben",)), oncall.Days(1, day), day, 540)
    rules = oncall.Rotation((("anna",), ("ben",)), oncall.Rule("FREQ=DAILY"), day, 540)
    for source in (daily, rules):
        asked.clear()
        found = oncall.shifts(schedule(layer(source)), at("2026-01-01 00:00"),
                              at("2027-01-01 00:00"))  # fmt: skip
        assert len(found) == 366
        assert len(asked) < 380
        asked.clear()
        oncall.who(schedule(layer(source)), at("2026-07-01 00:00"))
        assert len(asked) < 10


def test_the_uid_of_a_shift_stays_while_it_stays() -> None:
    def uids(now: str) -> dict[str, str]:
        line = oncall.shifts(PRIMARY, at("2026-01-05 09:00"), at("2026-03-01 00:00"))
        text = oncall.calendar("primary", line, at(now)).decode()
        found = dict(zip(_values(text, "DTSTART"), _values(text, "UID"), strict=True))
        assert len(set(found.values())) == len(found)
        return found

    assert uids("2026-01-05 10:00") == uids("2026-02-05 10:00")


def _values(text: str, key: str) -> list[str]:
    return [line.partition(":")[2] for line in text.split("\r\n") if line.startswith(f"{key}:")]


def test_what_is_in_a_name_does_not_become_a_line_of_the_calendar() -> None:
    line = oncall.shifts(PRIMARY, at("2026-01-05 09:00"), at("2026-01-06 00:00"))
    text = oncall.calendar("a\r\nATTACH:http://evil.example/", line, at("2026-01-05 10:00"))
    assert not any(each.startswith("ATTACH") for each in text.decode().split("\r\n"))


def test_what_is_missing() -> None:
    office = oncall.Span(ALL_DAYS, 9 * 60, 17 * 60)
    found = schedule(layer(weekly("anna", "ben"), hours=(office,)))
    gone = override("gone", "2026-01-06 09:00", "2026-01-06 17:00")
    since, until = at("2026-01-05 09:00"), at("2026-01-13 17:00")
    missing = oncall.coverage(
        found, since, until, [gone], people={"anna", "ben"}, reachable={"anna"}
    )
    assert len(missing.gaps) == 8
    assert [each.people for each in missing.empty] == [("gone",)]
    assert [(name, shift.starts_at) for name, shift in missing.unreachable] == [
        ("ben", at("2026-01-12 09:00"))
    ]
    assert not missing.whole
    whole = oncall.coverage(PRIMARY, since, until, [], people=["anna", "ben"],
                            reachable=["anna", "ben"])  # fmt: skip
    assert whole.whole


def test_nights_are_those_of_where_the_person_lives() -> None:
    line = oncall.shifts(PRIMARY, at("2026-01-05 09:00"), at("2026-01-06 09:00"))
    assert oncall.nights(line, "Europe/Berlin") == 8 * HOUR
    assert oncall.nights(line, "Asia/Tokyo") == 8 * HOUR
    day = oncall.shifts(PRIMARY, at("2026-01-05 09:00"), at("2026-01-05 17:00"))
    assert oncall.nights(day, "Europe/Berlin") == timedelta(0)
    assert oncall.nights(day, "America/New_York") == 4 * HOUR
    assert oncall.nights([], "UTC") == timedelta(0)
    assert oncall.awake("Europe/Berlin", at("2026-01-05 07:00"))
    assert not oncall.awake("America/New_York", at("2026-01-05 07:00"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-12-24 03:00", "2026-12-24 03:00"),
        ("2026-12-24T03:00", "2026-12-24 03:00"),
        ("2026-12-24", "2026-12-24 00:00"),
        ("24 03:00", "2026-01-24 03:00"),
        ("24th 3:00", "2026-01-24 03:00"),
        ("5 11:00", "2026-02-05 11:00"),
        ("31. 11:00", "2026-01-31 11:00"),
        ("saturday 03:00", "2026-01-10 03:00"),
        ("Sat 03:00", "2026-01-10 03:00"),
        ("12:30", "2026-01-05 12:30"),
        ("11:59", "2026-01-06 11:59"),
    ],
)
def test_times_as_people_ask_for_them(text: str, wanted: str) -> None:
    assert oncall.read(text, "Europe/Berlin", at("2026-01-05 12:00")) == at(wanted)


def test_times_with_a_zone_of_their_own() -> None:
    now = at("2026-01-05 12:00")
    found = oncall.read("2026-12-24T03:00:00Z", "Europe/Berlin", now)
    assert found == datetime(2026, 12, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "32 03:00", "xmas 03:00", "24:30", "0001-01-01x", "7"]
)
def test_what_is_no_time_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|no such day"):
        oncall.read(text, "Europe/Berlin", at("2026-01-05 12:00"))
