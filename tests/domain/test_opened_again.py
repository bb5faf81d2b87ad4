"""What a group says when its incident was opened again by hand, or by the end of a snooze."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain import test_flushing as flush
from tocsin.domain import sharing

LATER = flush.T + timedelta(minutes=30)


def test_what_was_opened_again_is_told_again_once() -> None:
    opened = flush.incident(reopened_at=LATER)
    made = flush.plan(flush.going(flush.member("a"), incident=opened), LATER)
    assert made.reasons == {flush.HOOK: "reopened"}
    assert made.act is None, "it is the same incident, and it is open"
    again = flush.going(
        flush.member("a"), incident=opened, log={flush.HOOK: flush.log("a", at=LATER)}
    )
    assert flush.plan(again, LATER + timedelta(minutes=1)).reasons == {}


def test_of_the_groups_of_an_incident_one_tells_that_it_was_opened_again() -> None:
    opened = flush.incident(reopened_at=LATER)
    heard = {flush.HOOK: sharing.Heard("warning", LATER, "coming")}
    other = flush.going(flush.member("a"), incident=opened, alone=False, heard=heard)
    assert flush.plan(other, LATER).reasons == {}


@pytest.mark.parametrize("state", ["acknowledged", "resolved"])
def test_who_acted_since_it_was_opened_again_is_not_overruled(state: str) -> None:
    acted = flush.incident(
        state=state, reopened_at=LATER, acknowledged_at=LATER, resolved_at=LATER, resolved_by="ann"
    )
    assert (
        "reopened"
        not in flush.plan(flush.going(flush.member("a"), incident=acted), LATER).reasons.values()
    )


def test_opened_again_and_all_silenced_tells_nobody() -> None:
    opened = flush.going(flush.member("a"), incident=flush.incident(reopened_at=LATER))
    assert flush.plan(opened, LATER, flush.silence("a", LATER + flush.WINDOW)).reasons == {}
