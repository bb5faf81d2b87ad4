"""Clocks of service levels: whatever happens to an incident, they follow from its story."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.domain import calendars, service_levels

T0 = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
OFFICE = calendars.Calendar("office", "UTC", (((540, 1020),),) * 5 + ((), ()))
GOLD = service_levels.Target(
    "gold", {"acknowledge": timedelta(minutes=15), "resolve": timedelta(hours=4)},
    warn_before=timedelta(minutes=5), severities=frozenset({"critical"}),
)  # fmt: skip


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def incident(state: str = "open", *acts: tuple[float, str], **more: Any) -> service_levels.Incident:
    """An incident that opened at 0; acts are minutes and kinds."""
    values: dict[str, Any] = {
        "severity": "critical", "state": state, "opened_at": T0, "acknowledged_at": None,
        "resolved_at": None, "services": frozenset(), "receivers": frozenset(),
        "acts": tuple(service_levels.Act(at(minute), kind) for minute, kind in acts), **more,
    }  # fmt: skip
    return service_levels.Incident(**values)


def state(
    of: service_levels.Incident, clock: service_levels.Clock, now: float,
    target: service_levels.Target = GOLD,
) -> service_levels.State:  # fmt: skip
    found = service_levels.state(target, clock, of, at(now))
    assert found is not None
    return found


def test_a_clock_that_runs_says_when_it_will_have_been_missed() -> None:
    found = state(incident(), "acknowledge", 3)
    assert (found.due_at, found.warn_at, found.stopped_at) == (at(15), at(10), None)
    assert found.next_at(at(3)) == at(10)
    assert found.next_at(at(10)) == at(15)
    assert (found.breaches, found.missed_now) == (0, False)


def test_acknowledged_in_time_is_kept_and_late_is_missed() -> None:
    kept = state(incident("acknowledged", (14, "acknowledged")), "acknowledge", 99)
    assert (kept.stopped_at, kept.breached_at, kept.due_at) == (at(14), None, None)
    late = state(incident("acknowledged", (16, "acknowledged")), "acknowledge", 99)
    assert (late.stopped_at, late.breached_at, late.breaches) == (at(16), at(15), 1)
    assert late.next_at(at(99)) is None


def test_nobody_for_long_is_missed_at_the_very_moment() -> None:
    assert state(incident(), "acknowledge", 14.99).breached_at is None
    assert state(incident(), "acknowledge", 15).breached_at == at(15)
    assert state(incident(), "acknowledge", 500).breached_at == at(15)


def test_what_is_given_back_goes_on_where_it_stood() -> None:
    given = incident("open", (10, "acknowledged"), (60, "unacknowledged"))
    assert state(given, "acknowledge", 61).due_at == at(65)
    assert state(given, "acknowledge", 66).breached_at == at(65)
    again = incident("acknowledged", (10, "acknowledged"), (60, "unacknowledged"),
                     (64, "acknowledged"))  # fmt: skip
    assert state(again, "acknowledge", 99).breached_at is None


def test_what_opens_again_is_acknowledged_anew_and_resolved_in_what_is_left() -> None:
    back = incident("open", (20, "acknowledged"), (60, "resolved"), (100, "reopened"))
    found = state(back, "acknowledge", 101)
    assert (found.due_at, found.breaches, found.missed_now) == (at(115), 1, False)
    assert state(back, "acknowledge", 116).breaches == 2
    assert state(back, "acknowledge", 116).breached_at == at(15)
    assert state(back, "resolve", 101).due_at == at(100 + 180)


def test_an_end_stops_both_clocks_though_nobody_acknowledged() -> None:
    over = incident("resolved", (5, "resolved"))
    assert state(over, "acknowledge", 99).stopped_at == at(5)
    assert state(over, "resolve", 999).breached_at is None


def test_the_resolve_clock_runs_on_over_an_acknowledgement() -> None:
    known = incident("acknowledged", (5, "acknowledged"))
    assert state(known, "resolve", 30).due_at == at(240)


def test_outside_of_its_calendar_the_clock_stands_still() -> None:
    target = dataclasses.replace(GOLD, calendar=OFFICE)
    evening = incident(opened_at=T0.replace(hour=16, minute=50))
    found = service_levels.state(target, "acknowledge", evening, T0.replace(hour=20))
    assert found is not None
    assert found.due_at == datetime(2026, 6, 2, 9, 5, tzinfo=UTC)
    assert found.warn_at == T0.replace(hour=17)
    assert (found.paused, found.breaches) == (True, 0)
    morning = service_levels.state(
        target, "acknowledge", evening, datetime(2026, 6, 2, 9, 1, tzinfo=UTC)
    )
    assert morning is not None
    assert not morning.paused


def test_where_row_and_story_disagree_the_row_is_right() -> None:
    unknown = incident("open", (5, "acknowledged"), (30, "ack_ran_out"))
    assert state(unknown, "acknowledge", 31).due_at == at(40)
    silent = incident("acknowledged", acknowledged_at=at(7))
    assert state(silent, "acknowledge", 99).stopped_at == at(7)
    over = incident("resolved", resolved_at=at(9))
    assert state(over, "resolve", 99).stopped_at == at(9)


@pytest.mark.parametrize(
    ("fits", "more"),
    [
        (True, {}),
        (False, {"severity": "warning"}),
        (False, {"services": frozenset({"web"})}),
        (True, {"services": frozenset({"web", "db"})}),
        (False, {"receivers": frozenset({"dev"})}),
    ],
)
def test_the_first_level_that_fits_counts(fits: bool, more: dict[str, Any]) -> None:
    picky = dataclasses.replace(
        GOLD, services=frozenset({"db"}), receivers=frozenset({"ops"}), name="picky"
    )
    last = service_levels.Target("last", {"resolve": timedelta(days=1)})
    of = incident(**{"services": frozenset({"db"}), "receivers": frozenset({"ops"}), **more})
    chosen = service_levels.choose([picky, last], of)
    assert chosen is (picky if fits else last)
    assert service_levels.choose([picky], of) is (picky if fits else None)


def test_alerts_about_clocks_have_no_clocks() -> None:
    own = incident(alertnames=frozenset({service_levels.BREACHED}))
    assert service_levels.choose([GOLD], own) is None


@pytest.mark.parametrize(
    ("minutes", "likely"),
    [([5] * 9, "unknown"), ([5] * 10, "met"), ([5] * 8 + [20] * 2, "at risk"),
     ([20] * 6 + [5] * 4, "breach")],
)  # fmt: skip
def test_what_is_likely_is_told_from_the_tenants_own_past(
    minutes: list[float], likely: str
) -> None:
    past = [(T0, at(each)) for each in minutes]
    found = service_levels.outlook(GOLD, "acknowledge", past)
    assert (found.likely, found.of) == (likely, len(minutes))
