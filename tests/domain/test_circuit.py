"""Circuits open after a few failures in a row, let one probe through at a time, and close."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import circuit

NOW = datetime(2026, 3, 1, 3, 7, tzinfo=UTC)
LASTS = timedelta(seconds=20)


def after(failures: int) -> circuit.Circuit:
    known = circuit.CLOSED
    for _ in range(failures):
        known = circuit.failed(known, NOW, "no answer", probe=False)
    return known


def test_it_opens_at_the_fifth_failure_in_a_row_and_says_since_when() -> None:
    assert after(4).state(NOW) == "closed"
    opened = after(5)
    assert (opened.state(NOW), opened.since, opened.opened_at) == ("open", NOW, NOW)
    assert opened.probe_at == NOW + timedelta(seconds=10)
    assert opened.state(NOW + timedelta(seconds=10)) == "half-open"


def test_one_probe_goes_and_the_others_wait_for_it() -> None:
    opened = after(5)
    assert circuit.probing(opened, NOW, LASTS) is None
    later = NOW + timedelta(seconds=10)
    tried = circuit.probing(opened, later, LASTS)
    assert tried is not None
    assert circuit.probing(tried, later, LASTS) is None
    # Its process died: somebody else tries.
    assert circuit.probing(tried, later + LASTS, LASTS) is not None


def test_what_was_on_its_way_when_it_opened_puts_off_no_probe() -> None:
    opened = after(5)
    late = circuit.failed(opened, NOW + timedelta(seconds=9), "no answer", probe=False)
    assert late.probe_at == opened.probe_at


@pytest.mark.parametrize(
    ("after_seconds", "until", "waits"),
    [(3600, 300, 300), (60, 300, 60), (5, 300, 10), (3600, -5, 3600)],
)
def test_what_a_provider_asks_for_holds_to_the_end_of_the_step(
    after_seconds: float, until: float, waits: float
) -> None:
    found = circuit.asked_to_wait(after(5), NOW, after_seconds, NOW + timedelta(seconds=until))
    assert found.probe_at == NOW + timedelta(seconds=waits)


def test_messages_that_are_refused_say_nothing_of_the_destination() -> None:
    blamed = {"timeout", "connectError", "serverError", "authError"}
    for reason in (*blamed, "clientError", "configError", "rateLimited", "other"):
        assert circuit.blames_place(reason) == (reason in blamed)


@given(st.lists(st.tuples(st.sampled_from(["fail", "late", "arrive"]), st.integers(0, 900))))
def test_whatever_happens_the_next_try_is_never_far_and_an_arrival_closes(
    moves: list[tuple[str, int]],
) -> None:
    now, known, row = NOW, circuit.CLOSED, 0
    for what, seconds in moves:
        now += timedelta(seconds=seconds)
        tried = circuit.probing(known, now, LASTS)
        if tried is None:
            assert known.probe_at is not None
            assert now < known.probe_at <= now + timedelta(seconds=300)
            continue
        if what == "arrive":
            known, row = circuit.CLOSED, 0
        else:
            row += 1
            probe = tried.opened_at is not None
            known = circuit.failed(tried, now, "no answer", probe=probe and what == "fail")
        assert (known.opened_at is not None) == (row >= circuit.OPEN_AFTER)
        assert known.failures == row
