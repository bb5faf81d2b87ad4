"""How many threads of a process one destination may hold."""

from __future__ import annotations

import pytest

from tests.actors.conftest import Hall
from tests.actors.test_deliver import claim, deliver, planned, row


def test_a_destination_that_holds_a_quarter_of_the_threads_gets_no_more(hall: Hall) -> None:
    tenant, held = planned(hall), hall.module("_errands").in_flight
    other = row(tenant)
    for _ in range(5):
        held.take(lambda busy, suspects: [other])
    held.done(other, well=True)  # it answers: one thread is enough no more
    assert claim(hall) is None
    held.done(other, well=True)
    assert claim(hall) is not None
    for _ in range(3):
        held.done(other, well=True)
    held.take(lambda busy, suspects: pytest.fail(str(busy)) if busy else [])


def test_a_destination_that_has_not_answered_gets_one_thread(hall: Hall) -> None:
    tenant, held = planned(hall), hall.module("_errands").in_flight
    other = {**row(tenant), "destination": "elsewhere"}
    held.take(lambda busy, suspects: [other])
    held.done(other, well=True)
    held.take(lambda busy, suspects: [other])
    held.take(lambda busy, suspects: pytest.fail(str(busy)) if busy else [other])
    held.done(other, well=False)
    held.take(lambda busy, suspects: [] if busy else pytest.fail("it hangs"))
    held.done(other, well=True)


def test_what_was_put_back_proves_nothing_of_its_destination(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, held = planned(hall), hall.module("_errands").in_flight
    monkeypatch.setattr(hall.runtime.limiter, "wait", lambda *asked: 1.0)
    deliver(hall)
    assert row(tenant)["cause"] == "waiting for the rate limit"
    held.take(lambda busy, suspects: [row(tenant)])
    held.take(lambda busy, suspects: [] if busy else pytest.fail("it is believed to answer"))
    held.done(row(tenant), well=True)
