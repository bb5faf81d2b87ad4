"""By what a person is told and when: the rules, quiet hours, and clocks that change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import channels
from schemas.people import Person
from tocsin.domain import people
from tocsin.domain.policy import Integration, Policy, contact_key, contact_person
from tocsin.domain.routing import Route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: Changes of the clock by an hour, by half of one, at midnight, of a whole day; and none.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca",
)  # fmt: skip
#: About a change of some of them each, and one quiet day.
ABOUT = (
    datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2018, 11, 4, 3, tzinfo=UTC), datetime(2018, 2, 18, 2, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2026, 6, 3, 12, tzinfo=UTC),
)  # fmt: skip
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


class Address(BaseModel):
    """Settings of a channel that reaches phones."""

    CONTACT: ClassVar = channels.Contact("phone", "to")
    to: str = ""


def anna(**fields: Any) -> Person:
    return Person.model_validate({"name": "anna", "phone": "+4915112345678", **fields})


def quiet(*hours: str, zone: str = "Europe/Berlin", **fields: Any) -> Person:
    spans = [dict(zip(("from", "to"), each.split("-"), strict=True)) for each in hours]
    return anna(zone=zone, quiet=[{**span, **fields} for span in spans])


def book(*keys: str) -> dict[str, Integration]:
    return {key: Integration(key, key.partition("/")[2], None) for key in keys}


def told(person: Person, urgency: Any, *keys: str, at: datetime = NOON) -> list[tuple[str, float]]:
    """Which ways, and after how many minutes."""
    pages = people.pages(person, urgency, book(*keys), at)
    return [(page.integration.key, (page.due_at - at) / timedelta(minutes=1)) for page in pages]


RULES = {"important": [{"by": "slack"}, {"by": "sms", "after": "1m"}]}


def test_the_rules_say_by_what_and_when() -> None:
    person = anna(notify=RULES)
    ways = ("@anna/sms", "@anna/slack", "@anna/email", "@ben/sms")
    assert told(person, "important", *ways) == [("@anna/slack", 0), ("@anna/sms", 1)]


def test_without_rules_it_is_all_ways_at_once() -> None:
    ways = ("@anna/sms", "@ben/sms", "@anna/slack", "@annabel/sms")
    assert told(anna(notify=RULES), "default", *ways) == [("@anna/sms", 0), ("@anna/slack", 0)]


def test_a_way_that_is_gone_is_passed_by() -> None:
    assert told(anna(notify=RULES), "important", "@anna/sms", "@anna/email") == [("@anna/sms", 1)]


def test_where_no_way_of_the_rules_is_left_all_others_are_used() -> None:
    found = told(anna(notify=RULES), "important", "@anna/email", "@anna/webhook")
    assert found == [("@anna/email", 0), ("@anna/webhook", 0)]


def test_somebody_without_ways_cannot_be_reached() -> None:
    assert told(anna(notify=RULES), "important", "@ben/sms") == []


def test_the_same_way_again_has_a_line_of_its_own() -> None:
    rules = [{"by": "sms", "after": "5m"}, {"by": "sms"}, {"by": "sms"}, {"by": "slack"}]
    person = anna(notify={"important": rules})
    found = told(person, "important", "@anna/sms", "@anna/slack")
    assert found == [("@anna/sms/2", 0), ("@anna/slack", 0), ("@anna/sms", 5)]


def test_a_policy_finds_the_same_way_again() -> None:
    way = Integration("@anna/sms", "sms", None)
    policy = Policy(root=Route(**_route()), receivers={}, contacts={"@anna/sms": way})
    again = policy.integration("@anna/sms/2")
    assert again == Integration("@anna/sms/2", "sms", None)
    assert policy.integration("@anna/sms") is way
    for nobody in ("@anna/email", "@anna/sms/x", "@anna/sms/", "@ben/sms/2", "@", "sms"):
        assert policy.integration(nobody) is None


def _route() -> dict[str, Any]:
    wait = timedelta(0)
    return {"id": "", "receiver": None, "matchers": (), "continue_": False, "group_by": (),
            "group_wait": wait, "group_interval": wait, "repeat_interval": wait, "line": 1,
            "children": ()}  # fmt: skip


def test_whose_a_way_is() -> None:
    assert contact_person(contact_key("anna", "sms")) == "anna"
    assert contact_person("@anna/sms/2") == "anna"
    assert contact_person("ops/sms/0") is None


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def held(person: Person, moment: str, urgency: Any = "default") -> str | None:
    until = people.held_until(person, urgency, at(moment, person.zone))
    return until.astimezone(ZoneInfo(person.zone)).strftime("%a %H:%M %Z") if until else None


def test_quiet_hours_past_midnight() -> None:
    person = quiet("22:00-07:00")
    assert held(person, "2026-03-02 21:59:59") is None
    assert held(person, "2026-03-02 22:00:00") == "Tue 07:00 CET"
    assert held(person, "2026-03-03 06:59:59") == "Tue 07:00 CET"
    assert held(person, "2026-03-03 07:00:00") is None


def test_the_end_is_what_the_clock_shows_when_it_is_changed() -> None:
    person = quiet("22:00-07:00")
    for evening, length in (("2026-03-28 22:00", 8), ("2026-10-24 22:00", 10)):
        until = people.held_until(person, "default", at(evening))
        assert until is not None
        assert until - at(evening) == timedelta(hours=length)
        assert held(person, evening) in ("Sun 07:00 CEST", "Sun 07:00 CET")


def test_an_end_that_the_clock_jumps_over_is_the_jump() -> None:
    assert held(quiet("22:00-02:30"), "2026-03-29 01:30") == "Sun 03:00 CEST"
    # Hours that lie in it as a whole do not take place.
    assert held(quiet("02:10-02:50"), "2026-03-29 03:00") is None


def test_an_end_that_the_clock_shows_twice_is_the_first() -> None:
    person = quiet("22:00-02:30")
    assert held(person, "2026-10-25 02:29") == "Sun 02:30 CEST"
    again = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15 for the second time
    assert people.held_until(person, "default", again) is None


def test_hours_that_adjoin_or_overlap_are_one() -> None:
    person = quiet("20:00-23:00", "22:00-24:00", "00:00-06:00")
    assert held(person, "2026-03-02 20:30") == "Tue 06:00 CET"


def test_days_are_those_on_which_they_begin() -> None:
    person = quiet("22:00-07:00", days=["friday"])
    assert held(person, "2026-03-06 23:00") == "Sat 07:00 CET"
    assert held(person, "2026-03-07 06:00") == "Sat 07:00 CET"
    assert held(person, "2026-03-07 23:00") is None
    assert held(person, "2026-03-06 06:00") is None


def test_a_whole_weekend() -> None:
    person = quiet("00:00-24:00", days=["saturday", "sunday"])
    assert held(person, "2026-03-07 00:00") == "Mon 00:00 CET"
    assert held(person, "2026-03-06 23:59") is None


def test_important_pages_pass_unless_the_entry_says_otherwise() -> None:
    assert held(quiet("22:00-07:00"), "2026-03-02 23:00", "important") is None
    deep = quiet("22:00-07:00", important=True)
    assert held(deep, "2026-03-02 23:00", "important") == "Tue 07:00 CET"
    both = anna(zone="Europe/Berlin", quiet=[
        {"from": "22:00", "to": "07:00"}, {"from": "00:00", "to": "03:00", "important": True},
    ])  # fmt: skip
    assert held(both, "2026-03-03 01:00", "important") == "Tue 03:00 CET"
    assert held(both, "2026-03-03 01:00") == "Tue 07:00 CET"


def test_hours_that_never_end_hold_nothing() -> None:
    for person in (quiet("00:00-24:00"), quiet("08:00-20:00", "20:00-08:00")):
        assert held(person, "2026-03-02 23:00") is None
        assert people.endless(person, "default", NOON)
        assert not people.endless(person, "important", NOON)
    assert not people.endless(quiet("00:00-23:59"), "default", NOON)


def test_what_is_held_keeps_its_order() -> None:
    person = quiet("22:00-07:00").model_copy(
        update={"notify": anna(notify={"default": RULES["important"]}).notify}
    )
    now = at("2026-03-02 23:00")
    first, second = people.pages(person, "default", book("@anna/sms", "@anna/slack"), now)
    seven = at("2026-03-03 07:00")
    assert (first.integration.channel, first.due_at, first.held_until) == ("slack", seven, seven)
    assert (second.due_at, second.held_until) == (seven + timedelta(minutes=1), seven)


def test_a_later_way_that_runs_into_quiet_hours_is_held() -> None:
    rules = {"default": [{"by": "slack"}, {"by": "sms", "after": "10m"}]}
    person = quiet("22:00-07:00").model_copy(update={"notify": anna(notify=rules).notify})
    now = at("2026-03-02 21:55")
    first, second = people.pages(person, "default", book("@anna/sms", "@anna/slack"), now)
    assert (first.due_at, first.held_until) == (now, None)
    assert second.due_at == second.held_until == at("2026-03-03 07:00")


def _walked(person: Person, since: datetime) -> Iterator[tuple[datetime, bool]]:
    """Quarter by quarter what a clock on the wall says; the hours begin when it reaches them.

    Each span is followed by hand, so that nothing of the arithmetic is used.
    """
    zone, step = ZoneInfo(person.zone), timedelta(minutes=15)
    walls = [since + n * step for n in range(int(timedelta(days=6) / step))]
    shown = [moment.astimezone(zone).replace(tzinfo=None) for moment in walls]
    noisy = [True] * len(walls)
    for each in person.quiet:
        (begin, end) = (_minutes(each.from_), _minutes(each.to))
        first = min(shown).date()
        for offset in range(8):
            day = datetime(first.year, first.month, first.day) + timedelta(days=offset)
            opens = day + timedelta(minutes=begin)
            closes = day + timedelta(minutes=end, days=end <= begin)
            reached = [n for n, wall in enumerate(shown) if wall >= opens]
            passed = [n for n, wall in enumerate(shown) if wall >= closes]
            for n in range(reached[0] if reached else len(walls),
                           passed[0] if passed else len(walls)):  # fmt: skip
                noisy[n] = False
    yield from zip(walls, noisy, strict=True)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=15, deadline=None)
@given(
    middle=st.sampled_from(ABOUT),
    spans=st.lists(st.tuples(CLOCKS, CLOCKS).filter(lambda s: s[0] != s[1]), min_size=1,
                   max_size=3),
)  # fmt: skip
def test_it_is_what_the_clock_on_the_wall_says(
    zone: str, middle: datetime, spans: list[tuple[str, str]]
) -> None:
    person = quiet(*(f"{begin}-{end}" for begin, end in spans), zone=zone)
    walked = list(_walked(person, middle - timedelta(days=3)))
    # At the edges of what was walked, spans that begin or end outside are not seen whole.
    inner = [
        (n, each) for n, each in enumerate(walked) if abs(each[0] - middle) < timedelta(days=1)
    ]
    for n, (moment, noisy) in inner[:: max(1, len(inner) // 24)]:
        until = people.held_until(person, "default", moment)
        if people.endless(person, "default", moment):
            continue
        assert (until is None) == noisy
        if until is not None and until < walked[-1][0]:
            following = next((m for m, loud in walked[n:] if loud), None)
            assert until == following


@settings(deadline=None)
@given(
    st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
    st.lists(st.tuples(CLOCKS, CLOCKS).filter(lambda s: s[0] != s[1]), max_size=3),
    st.sampled_from(["default", "important"]),
    st.lists(st.tuples(st.sampled_from(["sms", "slack", "gone"]), st.integers(0, 900)), max_size=4),
)
def test_no_page_is_lost_early_or_twice_in_one_line(
    now: datetime, zone: str, spans: list[tuple[str, str]], urgency: Any,
    rules: list[tuple[str, int]],
) -> None:  # fmt: skip
    written = [{"by": by, "after": f"{after}m"} for by, after in rules]
    person = quiet(*(f"{b}-{e}" for b, e in spans), zone=zone).model_copy(
        update={"notify": anna(notify={urgency: written}).notify}
    )
    pages = people.pages(person, urgency, book("@anna/sms", "@anna/slack"), now)
    assert pages
    assert [page.due_at for page in pages] == sorted(page.due_at for page in pages)
    keys = [page.integration.key for page in pages]
    assert len(keys) == len(set(keys))
    for page in pages:
        assert page.due_at >= now
        assert people.held_until(person, urgency, page.due_at) is None
        if page.held_until is None:
            assert page.due_at - now <= timedelta(minutes=900)


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=30, deadline=None)
@given(st.sampled_from(ABOUT), st.integers(-2, 2), st.integers(0, 1440))
def test_the_first_moment_that_a_clock_shows(
    zone: str, about: datetime, days: int, minutes: int
) -> None:
    place = ZoneInfo(zone)
    day = (about + timedelta(days=days)).date()
    found = people.first_moment(place, day, minutes)
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
    assert found.astimezone(place).replace(tzinfo=None) >= wanted
    before = (found - timedelta(seconds=1)).astimezone(place).replace(tzinfo=None)
    assert before < wanted


def test_what_is_known_of_an_old_address_says_nothing_of_a_new_one() -> None:
    way = Integration("@anna/sms", "sms", Address())
    old, new = people.digest("+4911"), people.digest("+4922")
    row = {"channel": "sms", "address_hash": old, "verified_at": NOON, "seen_at": None}
    assert people.standing([row], way, old) == "verified"
    assert people.standing([row], way, new) == "unverified"
    assert people.standing([{**row, "verified_at": None, "seen_at": NOON}], way, old) == "seen"
    assert people.standing([{**row, "channel": "email"}], way, old) == "unverified"
    assert people.address(anna(), way) == "+4915112345678"
    assert people.address(anna(), Integration("@anna/x", "x", None)) is None
