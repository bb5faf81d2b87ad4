"""Schedules as people write them: short where they are simple, and everything wrong is said."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas import recurrence
from tocsin import errors
from tocsin.config import documents
from tocsin.domain import oncall
from tocsin.domain.oncall import calendars

HEAD = """\
route: {}
people: [{name: anna, email: anna@example.org}, {name: ben}, {name: cleo}]
holidays: [{name: germany, days: [2026-12-25]}]
schedules:
  - name: primary
    zone: Europe/Berlin
    layers:
"""
ICAL = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
DTSTART:20260105T090000
DTEND:20260105T110000
RRULE:FREQ=WEEKLY
SUMMARY:Ben
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20260107
SUMMARY:somebody
ATTENDEE;CN=Anna:mailto:Anna@example.org
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART:20260105T100000Z
DTEND:20260105T120000Z
SUMMARY:cleo
END:VEVENT
BEGIN:VEVENT
UID:4
DTSTART:20260106T100000Z
DTEND:20260106T120000Z
SUMMARY:cleo
STATUS:CANCELLED
END:VEVENT
END:VCALENDAR
"""


def read(layers: str) -> oncall.Schedule:
    return documents.parse(HEAD + layers, {}).schedules["primary"]


def problems(layers: str) -> list[str]:
    with pytest.raises(errors.PolicyError) as caught:
        read(layers)
    return [f"{line}: {said}" for line, said in caught.value.problems]


def inline(ical: str) -> str:
    return "      - ical: |\n" + "".join(f"          {line}\n" for line in ical.splitlines())


def who(schedule: oncall.Schedule, text: str) -> tuple[str, ...]:
    zone = ZoneInfo("Europe/Berlin")
    return oncall.who(schedule, datetime.fromisoformat(text).replace(tzinfo=zone))


def test_two_people_who_take_turns_are_one_line() -> None:
    found = read("      - people: [anna, ben]\n")
    assert who(found, "2026-01-05 08:59") != who(found, "2026-01-05 09:00")
    assert who(found, "2024-01-01 09:00") == ("anna",)
    assert who(found, "2024-01-08 09:00") == ("ben",)


def test_a_week_begins_on_the_day_that_is_said() -> None:
    found = read("      - {people: [anna, ben], on: wednesday, starts: 2026-01-05}\n")
    assert who(found, "2026-01-05 09:00") == ("anna",)
    assert who(found, "2026-01-07 08:59") == ("anna",)
    assert who(found, "2026-01-07 09:00") == ("ben",)
    assert who(found, "2026-01-14 09:00") == ("anna",)


@pytest.mark.parametrize(
    ("every", "second", "third"),
    [
        ("day", "2026-01-06 09:00", "2026-01-07 09:00"),
        ("3d", "2026-01-08 09:00", "2026-01-11 09:00"),
        ("2w", "2026-01-19 09:00", "2026-02-02 09:00"),
        ("week", "2026-01-12 09:00", "2026-01-19 09:00"),
        ("36h", "2026-01-06 21:00", "2026-01-08 09:00"),
    ],
)
def test_how_long_a_turn_is(every: str, second: str, third: str) -> None:
    found = read(f"      - {{people: [anna, ben], every: {every}, starts: 2026-01-05}}\n")
    assert who(found, "2026-01-05 09:00") == ("anna",)
    assert who(found, second) == ("ben",)
    assert who(found, third) == ("anna",)


def test_several_have_a_turn_together() -> None:
    found = read("      - {people: [[anna, ben], cleo], starts: 2026-01-05}\n")
    assert who(found, "2026-01-05 09:00") == ("anna", "ben")
    assert who(found, "2026-01-12 09:00") == ("cleo",)


def test_hours_past_midnight_and_a_zone_of_the_layer() -> None:
    found = read("""\
      - people: [anna]
        zone: Asia/Tokyo
        hours: [{days: [monday], from: "22:00", to: "06:00"}]
""")
    place = ZoneInfo("Asia/Tokyo")
    assert oncall.who(found, datetime(2026, 1, 6, 5, 59, tzinfo=place)) == ("anna",)
    assert oncall.who(found, datetime(2026, 1, 6, 6, 0, tzinfo=place)) == ()
    assert oncall.who(found, datetime(2026, 1, 5, 5, 0, tzinfo=place)) == ()


def test_a_calendar_names_people_by_summary_or_address() -> None:
    found = read(inline(ICAL))
    assert who(found, "2026-01-05 09:30") == ("ben",)
    # 10:00 UTC is 11:00 there, when the other event is over.
    assert who(found, "2026-01-05 11:30") == ("cleo",)
    assert who(found, "2026-01-07 00:00") == ("anna",)
    assert who(found, "2026-01-08 00:00") == ()
    assert who(found, "2026-01-06 11:30") == ()
    # After the change of the clock it is still nine.
    assert who(found, "2026-07-06 09:00") == ("ben",)
    assert who(found, "2026-07-06 08:59") == ()


def test_a_calendar_with_exceptions_and_moved_events() -> None:
    moved = ICAL.replace("RRULE:FREQ=WEEKLY\n", "RRULE:FREQ=WEEKLY\nEXDATE:20260112T090000\n")
    moved = moved.replace(
        "END:VCALENDAR\n",
        """\
BEGIN:VEVENT
UID:1
RECURRENCE-ID:20260119T090000
DTSTART:20260120T150000
DTEND:20260120T160000
SUMMARY:cleo
END:VEVENT
END:VCALENDAR
""",
    )
    found = read(inline(moved))
    assert who(found, "2026-01-12 09:30") == ()
    assert who(found, "2026-01-19 09:30") == ()
    assert who(found, "2026-01-20 15:30") == ("cleo",)
    assert who(found, "2026-01-26 09:30") == ("ben",)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("{people: [anna, bne]}", "8: there is nobody called `bne` in people: did you mean `ben`?"),
        ("{people: [[anna, bne]]}", "8: there is nobody called `bne`"),
        ("{people: [[anna, anna]]}", "somebody is in this turn twice"),
        ("{people: []}", "give one of the two"),
        ("{people: [[]]}", "at least 1 item"),
        ("{}", "a layer needs people who take turns, or ical"),
        ("{people: [anna], every: month}", "must be day, week, or a number of hours"),
        ("{people: [anna], every: 0d}", "must be day, week, or a number of hours"),
        ("{people: [anna], every: day, on: monday}", "`on` is for turns of weeks"),
        ("{people: [anna], every: day, rrule: FREQ=DAILY}", "give one of every and rrule"),
        ("{people: [anna], zone: Europe/Berln}", "not a time zone"),
        ("{people: [anna], at: 9 o'clock}", "schedules[0].layers[0].at"),
        ("{people: [anna], starts: 1600-01-01}", "greater than or equal to 2010-01-01"),
        ("{people: [anna], holiday: germanz}", "8: there is no `germanz` in holidays: did you"),
        ("{people: [anna], not_holiday: no}", "8: there is no `no` in holidays"),
        ("{people: [anna], hours: [{from: '25:00'}]}", "hours[0].from"),
        ("{people: [anna], evry: day}", "unknown key `evry` in `schedules[0].layers[0]`: did you"),
        ("{ical: x, people: [anna]}", "give one of the two"),
        ("{ical: x, at: '10:00'}", "a layer with ical has no `at`"),
        ("{ical: ''}", "not an iCalendar"),
        ("{ical: nonsense}", "not an iCalendar"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(layers: str, said: str) -> None:
    found = problems(f"      - {layers}\n")
    assert any(said in each for each in found), found
    assert all(each.startswith("8: ") for each in found)


def test_layers_that_shifts_could_not_tell_apart() -> None:
    layers = "      - {people: [anna], name: layer 2}\n      - {people: [ben]}\n"
    assert problems(layers) == ["9: two of the layers have the name `layer 2`"]


def test_a_name_of_a_schedule_stands_in_addresses() -> None:
    with pytest.raises(errors.PolicyError, match="leave slashes out of its name"):
        documents.parse("route: {}\nschedules: [{name: a/b}]\n", {})


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("FREQ=SECONDLY", "FREQ must be one of"),
        ("FREQ=MINUTELY;INTERVAL=60", "FREQ must be one of"),
        ("BYDAY=MO", "FREQ must be one of"),
        ("every monday", "not of the form KEY=value"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ stands there twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be a number from 1 to 999"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL must be a number from 1 to 999"),
        ("FREQ=DAILY;COUNT=3", "COUNT would end the rotation for good"),
        ("FREQ=DAILY;UNTIL=20270101", "UNTIL would end the rotation for good"),
        ("FREQ=DAILY;BYEASTER=1", "BYEASTER is not known here"),
        ("FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2,3", "make 9 times a day"),
        ("FREQ=DAILY;BYSECOND=1", "BYSECOND can only be 0"),
        ("FREQ=WEEKLY;BYDAY=XX", "not a rule of RFC 5545"),
        ("FREQ=MONTHLY;BYMONTHDAY=x", "not a rule of RFC 5545"),
        # No such day: searched naively, up to the year 9999.
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "no day on which this rule holds"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "no day on which this rule holds"),
        ("FREQ=YEARLY;INTERVAL=999;BYMONTHDAY=1;BYMONTH=1", "no day on which this rule holds"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be(rule: str, said: str) -> None:
    layer = f"      - {{people: [anna], starts: 2026-01-05, rrule: '{rule}'}}\n"
    assert any(f"rrule: {said}" in each or said in each for each in problems(layer))


@pytest.mark.parametrize("year", [2010, 2024, 2026, 2028, 2096, 2099])
def test_leap_days_are_found_from_any_year(year: int) -> None:
    recurrence.check("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", datetime(year, 1, 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("SUMMARY:Ben", "SUMMARY:Bne"), "event `Bne` names nobody called `bne` in people: did"),
        (("SUMMARY:Ben\n", ""), "names nobody: write a person into SUMMARY"),
        (("FREQ=WEEKLY", "FREQ=SECONDLY"), "line 8 of the calendar: FREQ must be one of"),
        (("FREQ=WEEKLY", "FREQ=DAILY;\n BYMONTH=2;BYMONTHDAY=30"), "line 8 of the calendar: there"),
        (("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=??"), "line 8 of the calendar: not a rule"),
        (("20260105T110000", "20260105T080000"), "event `Ben` ends before it starts"),
        (("20260105T110000", "20280105T080000"), "lasts longer than 31 days"),
        (("DTEND:20260105T110000", "DTEND;VALUE=DATE:20260106"), "event `Ben`"),
        (("DTSTART:20260105T090000\n", ""), "event `Ben` has no start and end"),
        (("END:VCALENDAR\n", ""), "not an iCalendar"),
        (("DTSTART:2", "DTSTART;TZID=Mars/Phobos:2"), "a time zone that is not known: `Mars/Ph"),
        (("FREQ=WEEKLY", "FREQ=WEEKLY;UNTIL=junk"), "UNTIL is not of the form"),
        (("FREQ=WEEKLY", "FREQ=WEEKLY\nEXDATE:junk"), "the calendar cannot be unfolded"),
        (("DTSTART:2026", "DTSTART:1601"), "begins before 2000"),
        (("VEVENT", "VTODO"), "the calendar has no event"),
    ],
)  # fmt: skip
def test_calendars_that_cannot_be(change: tuple[str, str], said: str) -> None:
    found = problems(inline(ICAL.replace(*change)))
    assert any(said in each for each in found), found
    assert {each.partition(":")[0] for each in found} == {"8"}


def test_a_calendar_of_very_many_events() -> None:
    events = "".join(
        f"BEGIN:VEVENT\nUID:{n}\nDTSTART:20260105T090000Z\nRRULE:FREQ=DAILY\nSUMMARY:ben\n"
        "END:VEVENT\n"
        for n in range(51)
    )
    found = problems(inline(f"BEGIN:VCALENDAR\n{events}END:VCALENDAR"))
    assert found == ["8: events recur more than 3000 times a year"]
    once = ICAL.replace("RRULE:FREQ=WEEKLY\n", "")
    event = once[once.index("BEGIN:VEVENT") : once.index("END:VEVENT") + 11]
    found = problems(inline(f"BEGIN:VCALENDAR\n{event * 2001}END:VCALENDAR"))
    assert found == ["8: more than 2000 events"]


def test_zones_of_a_calendar_change_once_a_year() -> None:
    zone = """\
BEGIN:VTIMEZONE
TZID:Own
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT"""
    own = (
        ICAL.replace("BEGIN:VEVENT", zone, 1)
        .replace("DTSTART:20260105T09", "DTSTART;TZID=Own:20260105T09")
        .replace("DTEND:20260105T11", "DTEND;TZID=Own:20260105T11")
    )
    found = read(inline(own))
    assert who(found, "2026-01-05 09:00") == ("ben",)
    assert who(found, "2026-07-06 09:00") == ("ben",)
    assert who(found, "2026-07-06 08:59") == ()
    hostile = own.replace("FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "FREQ=DAILY")
    assert "a zone changes its clocks by FREQ=YEARLY" in str(problems(inline(hostile)))


def test_a_calendar_that_fails_all_the_same_leaves_the_layers_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = read("      - people: [anna]\n" + inline(ICAL.replace("UID:1", "UID:fails")))

    def fails(*_: object) -> None:
        raise RuntimeError

    calendars._year.cache_clear()
    monkeypatch.setattr("recurring_ical_events.of", fails)
    assert who(found, "2026-01-05 09:30") == ("anna",)


def test_a_calendar_is_unfolded_once_for_a_year(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(inline(ICAL.replace("UID:1", "UID:once")))
    assert who(found, "2026-03-02 09:30") == ("ben",)

    def never(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("recurring_ical_events.of", never)
    line = oncall.shifts(found, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert len([each for each in line if each.people == ("ben",)]) == 48
