"""How many threads of a process one destination may hold."""

from __future__ import annotations

import pytest

from tests.actors.conftest import Hall
from tests.actors.test_deliver import claim, planned, row


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
