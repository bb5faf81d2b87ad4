"""A claim is leased: who holds it sends, who comes late changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.actors.conftest import Hall
from tests.actors.test_deliver import STATES, claim, planned, row, send
from tocsin import errors


def test_a_claim_is_leased_to_one(hall: Hall) -> None:
    tenant = planned(hall)
    errand = claim(hall)
    assert claim(hall) is None
    assert tenant.column(STATES) == ["sending"]
    send(hall, errand)
    assert tenant.column(STATES) == ["sent"]


def test_a_lapsed_lease_is_taken_up_in_doubt_under_the_same_key_and_the_late_one_is_fenced_off(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = planned(hall)
    slow = claim(hall)
    travel(seconds=hall.runtime.settings.lease_seconds)
    second = claim(hall)
    assert second.row["id"] == slow.row["id"]
    assert (second.row["fence"], second.row["attempts"], second.row["in_doubt"]) == (2, 2, True)
    before = row(tenant)
    send(hall, slow)
    assert row(tenant) == before
    assert tenant.outcomes() == [None]
    send(hall, second)
    assert tenant.column(STATES) == ["sent"]
    calls = hall.providers.ledger.calls(dest=tenant.dest)
    assert [call.key for call in calls] == [str(slow.row["id"])] * 2
    assert len(tenant.told()) == 1


@pytest.mark.parametrize("late", ["retry", "dead", "put back"])
def test_whatever_a_late_finisher_has_to_say_changes_nothing(
    hall: Hall, travel: Callable[..., None], late: str
) -> None:
    tenant, fates = planned(hall), hall.module("_fates")
    slow = claim(hall)
    travel(seconds=hall.runtime.settings.lease_seconds)
    send(hall, claim(hall))
    before = row(tenant)
    if late == "retry":
        fates.try_later(hall.record, slow.row, slow.claimed, errors.Retryable("slow"))
    elif late == "dead":
        fates.give_up(hall.record, slow.row, slow.claimed, errors.Permanent("gone"))
    else:
        fates.put_back(hall.record, slow.row, 5.0)
    assert row(tenant) == before
    assert tenant.outcomes() == ["notified"]


def test_whoever_stood_still_until_its_lease_was_over_sends_nothing(hall: Hall) -> None:
    tenant = planned(hall)
    send(hall, claim(hall), until=time.monotonic())
    assert tenant.told() == []
    assert (row(tenant)["state"], row(tenant)["attempts"]) == ("pending", 0)
    send(hall, claim(hall))
    assert len(tenant.told()) == 1


def test_an_outcome_is_written_down_though_another_transaction_stood_in_its_way(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, stored = planned(hall), hall.module("_fates").deliveries
    problems, write = [psycopg.errors.DeadlockDetected()], stored.sent

    def sent(*args: Any) -> Any:
        if problems:
            raise problems.pop()
        return write(*args)

    monkeypatch.setattr(stored, "sent", sent)
    send(hall, claim(hall))
    assert row(tenant)["state"] == "sent"
