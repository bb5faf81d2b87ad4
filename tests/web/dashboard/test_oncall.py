"""The page of who is on call: now, next, weeks, overrides by a form, and what is missing."""

from __future__ import annotations

import re
from datetime import timedelta

import icalendar
import pytest

from tests.web.conftest import Someone
from tests.web.dashboard import scenes
from tests.web.dashboard.conftest import SignIn
from tocsin.storage.record import Record


@pytest.fixture
def staffed(record: Record, someone: Someone) -> Someone:
    scenes.policy(record, someone.tenant)
    return someone


def test_without_schedules_it_says_how_to_begin(someone: Someone, sign_in: SignIn) -> None:
    text = sign_in(someone).get("/ui/oncall").text
    assert "Nobody is on call, for there are no schedules" in text
    assert "schedules:" in text


def test_who_is_on_call_and_who_comes_next(staffed: Someone, sign_in: SignIn) -> None:
    text = sign_in(staffed).get("/ui/oncall").text
    now = re.search(r'class="on-now">.*?<b>([^<]+)</b>', text, re.S)
    following = re.search(r"then <b>([^<]+)</b>", text)
    assert now
    assert following
    assert {now[1], following[1]} == {"Anna Berg", "Ben Okoye"}
    assert text.count('<p class="date">') == 35
    assert "30 days are covered" in text


def test_gaps_are_said_in_words(staffed: Someone, sign_in: SignIn) -> None:
    text = sign_in(staffed).get("/ui/oncall?schedule=nights").text
    assert 'class="gap"' in text
    assert re.search(r"\d+ problems in the next 30 days", text)
    assert text.count("<b>Nobody</b>") >= 30


def test_shifts_are_listed_by_the_clocks_of_the_schedule(staffed: Someone, sign_in: SignIn) -> None:
    text = sign_in(staffed).get("/ui/oncall?from=2027-02-01").text
    times = re.findall(r'class="there"[^>]*>([^<]+)<', text.partition('class="agenda')[2])
    assert "Mon 08 Feb 09:00" in times
    assert 'class="moment"' not in text.partition('class="agenda')[2].partition("</ol>")[0]


def test_a_day_on_which_the_clock_changes_is_marked(staffed: Someone, sign_in: SignIn) -> None:
    browser = sign_in(staffed)
    assert "The clock goes forward" in browser.get("/ui/oncall?from=2027-03-22").text
    assert "The clock goes back" in browser.get("/ui/oncall?from=2026-10-19").text


@pytest.mark.parametrize("first", ["never", "9999-12-31", "0001-01-01", "2026-13-45", ""])
def test_a_calendar_of_no_time_is_that_of_now(
    staffed: Someone, sign_in: SignIn, first: str
) -> None:
    found = sign_in(staffed).get(f"/ui/oncall?from={first}&schedule=unknown")
    assert found.status_code == 200
    assert "now-word" in found.text


def test_somebody_stands_in_and_then_does_not(
    record: Record, staffed: Someone, sign_in: SignIn
) -> None:
    browser = sign_in(staffed)
    with record.session([staffed.tenant]) as tx:
        starts, ends = tx.now + timedelta(days=1), tx.now + timedelta(days=2)
    done = browser.post("/ui/oncall/overrides", {
        "schedule": "nights", "person": "anna", "note": "doctor today",
        "starts_at": f"{starts:%Y-%m-%dT%H:%M}", "ends_at": f"{ends:%Y-%m-%dT%H:%M}",
        "next": "/ui/oncall?schedule=nights",
    })  # fmt: skip
    assert done.headers["Location"] == "/ui/oncall?schedule=nights&said=stands_in", done.text
    text = browser.get("/ui/oncall?schedule=nights").text
    assert "doctor today" in text
    end = re.search(r'action="(/ui/oncall/overrides/[^"]+/end)"', text)
    assert end
    assert browser.post(end[1]).headers["Location"] == "/ui/oncall?said=stood_in"
    assert "doctor today" not in browser.get("/ui/oncall?schedule=nights").text


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "primary", "person": "nobody", "ends_at": "2036-01-01T00:00"},
        {"schedule": "primary", "person": "anna", "ends_at": "2020-01-01T00:00"},
        {"schedule": "primary", "person": "anna", "ends_at": "soon"},
        {"schedule": "primary", "person": "anna"},
        {"schedule": "", "person": ""},
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    staffed: Someone, sign_in: SignIn, fields: dict[str, object]
) -> None:
    found = sign_in(staffed).post("/ui/oncall/overrides", fields)
    assert found.status_code in (400, 422)
    assert "<h1>" in found.text


def test_the_calendar_may_be_taken_along(staffed: Someone, sign_in: SignIn) -> None:
    found = sign_in(staffed).get("/ui/oncall/primary.ics")
    assert found.headers["Content-Type"].startswith("text/calendar")
    assert len(icalendar.Calendar.from_ical(found.content).walk("VEVENT")) > 20
    assert sign_in(staffed).get("/ui/oncall/unknown.ics").status_code == 404


def test_tenants_and_scopes_are_kept_apart(
    record: Record, staffed: Someone, other: Someone, sign_in: SignIn
) -> None:
    scenes.policy(record, other.tenant)
    mine, theirs = sign_in(staffed), sign_in(other)
    reader = sign_in(staffed, "read")
    fields: dict[str, object] = {"schedule": "nights", "person": "anna", "duration": "8h"}
    assert reader.post("/ui/oncall/overrides", fields).status_code == 403
    assert "<form" not in reader.get("/ui/oncall").text.split('id="oncall"')[1]
    assert mine.post("/ui/oncall/overrides", fields).status_code == 303
    end = re.search(
        r'action="(/ui/oncall/overrides/[^"]+/end)"', mine.get("/ui/oncall?schedule=nights").text
    )
    assert end
    assert theirs.post(end[1]).status_code == 404
    assert end[1] not in theirs.get("/ui/oncall?schedule=nights").text
