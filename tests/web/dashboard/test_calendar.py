"""The weeks of a schedule: days as long as they are there, gaps, overrides, and where now is."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, date, datetime, timedelta

import channels
from tests.web.dashboard import scenes
from tocsin.config import documents
from tocsin.domain import oncall
from tocsin.domain.policy import Policy
from tocsin.web.dashboard import _calendar, _faces


def policy() -> Policy:
    return documents.parse(scenes.POLICY, channels.settings_models())


def weeks(name: str, first: date, now: datetime, *known: oncall.Override) -> list[_calendar.Day]:
    made = policy()
    found = _calendar.weeks(made, made.schedules[name], first, 2, now, known)
    assert [len(week) for week in found] == [7, 7]
    return [day for week in found for day in week]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_days_are_whole_and_begin_on_a_monday() -> None:
    days = weeks("primary", date(2026, 6, 10), at("2026-06-10T10:30"))
    assert days[0].date == date(2026, 6, 8)
    for day in days:
        assert day.pieces[0].begins == 0
        assert day.pieces[-1].ends == day.minutes == 1440
        assert all(a.ends == b.begins for a, b in zip(day.pieces, day.pieces[1:], strict=False))
        assert not day.lacks


def test_a_handover_cuts_the_day_where_the_clock_there_says() -> None:
    monday = weeks("primary", date(2026, 6, 8), at("2026-06-10T10:30"))[0]
    first, second = monday.pieces
    assert (first.ends, first.clock, second.clock) == (540, "00:00–09:00", "09:00–24:00")  # noqa: RUF001
    assert first.faces[0].name != second.faces[0].name


def test_now_is_on_one_day() -> None:
    days = weeks("primary", date(2026, 6, 8), at("2026-06-10T10:30"))
    assert [day.date.day for day in days if day.is_today] == [10]
    assert [day.now for day in days if day.now is not None] == [12 * 60 + 30]
    assert [day.date.day for day in days if day.is_past] == [8, 9]


def test_days_on_which_the_clock_changes_are_shorter_or_longer_and_say_so() -> None:
    spring = {day.date: day for day in weeks("primary", date(2026, 3, 23), at("2026-03-20T00:00"))}
    assert (spring[date(2026, 3, 29)].minutes, spring[date(2026, 3, 29)].shift) == (1380, 60)
    autumn = {day.date: day for day in weeks("primary", date(2026, 10, 19), at("2026-03-20T00:00"))}
    assert (autumn[date(2026, 10, 25)].minutes, autumn[date(2026, 10, 25)].shift) == (1500, -60)
    assert [day.shift for day in autumn.values() if day.date != date(2026, 10, 25)] == [0] * 13


def test_gaps_are_pieces_without_anybody() -> None:
    day = weeks("nights", date(2026, 6, 8), at("2026-06-10T10:30"))[2]
    assert day.lacks
    assert [(bool(piece.faces), piece.begins, piece.ends) for piece in day.pieces] == [
        (False, 0, 1200), (True, 1200, 1440),
    ]  # fmt: skip


def test_an_override_is_marked() -> None:
    known = oncall.Override(
        "nights", "anna", at("2026-06-10T08:00"), at("2026-06-10T12:00"), uuid.uuid4()
    )
    day = weeks("nights", date(2026, 6, 8), at("2026-06-10T10:30"), known)[2]
    marked = [(piece.begins, piece.ends, piece.faces[0].name) for piece in day.pieces
              if piece.is_override]  # fmt: skip
    assert marked == [(480, 720, "anna")]


def test_a_list_of_shifts_has_no_hole() -> None:
    made, now = policy(), at("2026-06-10T10:30")
    found = _calendar.stretches(
        made, made.schedules["nights"], now, now + timedelta(days=14), now, ()
    )
    assert all(a.ends_at == b.starts_at for a, b in itertools.pairwise(found))
    assert [one.is_now for one in found].count(True) == 1


def test_people_have_colours_of_their_own() -> None:
    made = policy()
    assert _faces.of(made, "anna").hue != _faces.of(made, "ben").hue
    assert _faces.of(made, "anna") == _faces.of(made, "anna")
    assert _faces.of(made, "anna").initials == "AB"
    assert _faces.initials("carl") == "CA"
    assert _faces.initials("!?") == "?"
    assert 0 <= _faces.of(None, "somebody else").hue < _faces.HUES
