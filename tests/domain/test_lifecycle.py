"""What an arriving alert means does not depend on accidents of delivery, as far as it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.alert import Alert, Status
from tocsin.domain import lifecycle
from tocsin.domain.lifecycle import Known, Verdict

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def at(minutes: float | None) -> datetime | None:
    return None if minutes is None else T + timedelta(minutes=minutes)


def must(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def alert(status: Status, start: float | None = None, end: float | None = None) -> Alert:
    return Alert("f", status, {}, {}, "none", at(start), at(end))


def firing(start: float | None = None, end: float | None = None) -> Alert:
    return alert("firing", start, end)


def resolved(start: float | None = None, end: float | None = None) -> Alert:
    return alert("resolved", start, end)


def known(
    status: Status, start: float, end: float | None = None, expires: float | None = None
) -> Known:
    return Known(status, must(start), at(end), at(expires))


def shown(verdict: Verdict) -> tuple[object, ...]:
    def minutes(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - T) / timedelta(minutes=1)

    moments = (verdict.starts_at, verdict.ends_at, verdict.expires_at)
    return (verdict.kind, verdict.status, *map(minutes, moments))


FIRING = known("firing", 10, expires=24)
OVER = known("resolved", 10, 15)
RAN_OUT = known("resolved", 10, 14, 14)


@pytest.mark.parametrize(
    ("before", "incoming", "expected"),
    [
        # Unknown.
        (None, firing(10, 24), ("new", "firing", 10, None, 24)),
        (None, firing(), ("new", "firing", 20, None, None)),
        (None, firing(10, 15), ("resolved", "resolved", 10, 15, None)),  # an end in the past
        (None, firing(10, 20), ("resolved", "resolved", 10, 20, None)),  # an end right now
        (None, resolved(10, 15), ("resolved", "resolved", 10, 15, None)),
        (None, resolved(10), ("resolved", "resolved", 10, 20, None)),
        (None, resolved(), ("resolved", "resolved", 20, 20, None)),
        (None, resolved(None, 15), ("resolved", "resolved", 15, 15, None)),
        # Times that cannot be.
        (None, firing(500), ("new", "firing", 20, None, None)),
        (None, firing(25), ("new", "firing", 25, None, None)),  # a clock a little ahead
        (None, resolved(500, 600), ("resolved", "resolved", 20, 20, None)),
        (None, resolved(10, 5), ("resolved", "resolved", 10, 10, None)),
        # It fires already.
        (FIRING, firing(10, 25), ("repeat", "firing", 10, None, 25)),
        (FIRING, firing(None, 25), ("repeat", "firing", 10, None, 25)),
        (FIRING, firing(9, 23), ("repeat", "firing", 9, None, 24)),  # an HA pair: earliest start
        (FIRING, firing(12, 25), ("repeat", "firing", 10, None, 25)),
        (FIRING, firing(10), ("repeat", "firing", 10, None, None)),
        (FIRING, resolved(10, 15), ("resolved", "resolved", 10, 15, None)),
        (FIRING, resolved(), ("resolved", "resolved", 10, 20, None)),
        (FIRING, resolved(None, 15), ("resolved", "resolved", 10, 15, None)),
        (FIRING, resolved(12, 15), ("resolved", "resolved", 10, 15, None)),
        (FIRING, resolved(8, 15), ("resolved", "resolved", 8, 15, None)),
        (FIRING, resolved(10, 5), ("resolved", "resolved", 10, 10, None)),
        (FIRING, resolved(5, 9), ("stale", "firing", 10, None, 24)),
        (FIRING, resolved(5, 10), ("stale", "firing", 10, None, 24)),  # it ended as ours began
        (FIRING, resolved(5), ("stale", "firing", 10, None, 24)),
        (FIRING, resolved(None, 9), ("stale", "firing", 10, None, 24)),
        # It is over.
        (OVER, firing(10, 24), ("stale", "resolved", 10, 15, None)),
        (OVER, firing(8, 24), ("stale", "resolved", 10, 15, None)),
        (OVER, firing(12, 24), ("refired", "firing", 10, None, 24)),  # the other of an HA pair
        (OVER, firing(15, 24), ("refired", "firing", 15, None, 24)),
        (OVER, firing(17, 24), ("refired", "firing", 17, None, 24)),
        (OVER, firing(None, 24), ("refired", "firing", 20, None, 24)),
        (OVER, resolved(10, 15), ("repeat", "resolved", 10, 15, None)),
        (OVER, resolved(10, 14), ("repeat", "resolved", 10, 15, None)),
        (OVER, resolved(10, 16), ("repeat", "resolved", 10, 16, None)),  # the later end stays
        (OVER, resolved(), ("repeat", "resolved", 10, 15, None)),
        (OVER, resolved(11), ("repeat", "resolved", 10, 15, None)),
        (OVER, resolved(16, 18), ("resolved", "resolved", 16, 18, None)),  # another, unseen
        (OVER, resolved(5, 9), ("stale", "resolved", 10, 15, None)),
        # It ran out, and nobody said that it was over.
        (RAN_OUT, firing(10, 24), ("refired", "firing", 10, None, 24)),
        (RAN_OUT, firing(8, 24), ("refired", "firing", 8, None, 24)),
        (RAN_OUT, firing(18, 24), ("refired", "firing", 18, None, 24)),
        (RAN_OUT, firing(10, 14), ("repeat", "resolved", 10, 14, None)),
        (RAN_OUT, resolved(10, 12), ("repeat", "resolved", 10, 12, None)),  # a word beats silence
        (RAN_OUT, resolved(5, 9), ("stale", "resolved", 10, 14, 14)),
    ],
)
def test_judge(before: Known | None, incoming: Alert, expected: tuple[object, ...]) -> None:
    assert shown(lifecycle.judge(before, incoming, must(20))) == expected


def test_the_edge_of_an_end() -> None:
    ends = lifecycle.judge(None, firing(10, 20), must(20) - TICK)
    assert (ends.kind, ends.expires_at) == ("new", must(20))
    assert lifecycle.judge(None, firing(10, 20), must(20)).kind == "resolved"


def test_the_edge_of_belief() -> None:
    ahead = must(20) + lifecycle.SKEW
    believed = Alert("f", "firing", {}, {}, "none", ahead)
    assert lifecycle.judge(None, believed, must(20)).starts_at == ahead
    assert lifecycle.judge(None, believed, must(20) - TICK).starts_at == must(20) - TICK


def test_expired() -> None:
    assert not lifecycle.expired(FIRING, must(24) - TICK)
    assert lifecycle.expired(FIRING, must(24))
    assert not lifecycle.expired(known("firing", 10), must(9999))
    assert not lifecycle.expired(RAN_OUT, must(9999))


def test_expire() -> None:
    assert shown(lifecycle.expire(FIRING)) == ("resolved", "resolved", 10, 24, 24)
    with pytest.raises(ValueError, match="no expiry"):
        lifecycle.expire(known("firing", 10))


MINUTES = st.integers(0, 40)
ALERTS = st.builds(
    alert,
    st.sampled_from(["firing", "resolved"]),
    st.none() | MINUTES,
    st.none() | MINUTES,
)
#: All versions of one interval: the start is one, the ends of resolves and expiries differ.
ONE_INTERVAL = st.lists(
    st.builds(firing, st.just(10), st.none() | st.integers(41, 60))
    | st.builds(resolved, st.just(10), st.integers(10, 40)),
    min_size=1,
    max_size=5,
)
#: Intervals of one sender that are over, one after the other, and perhaps one that is not.
CLOSED = st.lists(st.integers(0, 30), min_size=2, max_size=8, unique=True).map(
    lambda marks: [
        resolved(start, end)
        for start, end in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False)
    ]
)


def deliver(alerts: list[Alert], now: datetime) -> Known | None:
    state: Known | None = None
    for each in alerts:
        state = lifecycle.judge(state, each, now).known()
    return state


@given(ONE_INTERVAL, st.randoms(use_true_random=False))
def test_order_and_number_of_deliveries_of_one_interval_do_not_matter(
    alerts: list[Alert], random: object
) -> None:
    shuffled = [*alerts, *alerts]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert deliver(shuffled, must(40)) == deliver(alerts, must(40))


@given(CLOSED, st.none() | st.integers(30, 40))
def test_order_of_closed_intervals_and_the_present_one_does_not_matter(
    closed: list[Alert], present: int | None
) -> None:
    alerts = closed[-3:] + ([firing(present, 60)] if present is not None else [])
    states = {repr(deliver(list(order), must(40))) for order in permutations(alerts)}
    assert len(states) == 1


@given(st.lists(ALERTS, max_size=4), ALERTS, st.integers(0, 45))
@example([], firing(45, 42), 41)
@example([firing(1)], resolved(5, 5), 20)
@example([resolved(10, None)], resolved(14, None), 10)
def test_the_same_twice_changes_nothing(before: list[Alert], once: Alert, now: int) -> None:
    first = lifecycle.judge(deliver(before, must(now)), once, must(now))
    second = lifecycle.judge(first.known(), once, must(now))
    assert second.kind in ("repeat", "stale")
    assert second.known() == first.known()


@given(st.lists(ALERTS, max_size=4), ALERTS)
def test_a_stale_alert_changes_nothing(before: list[Alert], late: Alert) -> None:
    state = deliver(before, must(20))
    verdict = lifecycle.judge(state, late, must(20))
    if verdict.kind == "stale":
        assert verdict.known() == state


@given(st.lists(ALERTS, max_size=4), ALERTS)
def test_what_is_stored_makes_sense(before: list[Alert], last: Alert) -> None:
    state = deliver([*before, last], must(20))
    assert state is not None
    assert (state.ends_at is not None) == (state.status == "resolved")
    if state.ends_at:
        assert state.starts_at <= state.ends_at


@given(MINUTES, st.integers(0, 39), ALERTS)
def test_an_expiry_that_is_noted_late_makes_no_difference(
    start: int, expires: int, incoming: Alert
) -> None:
    state = known("firing", start, expires=expires)
    noted = lifecycle.judge(lifecycle.expire(state).known(), incoming, must(40))
    late = lifecycle.judge(state, incoming, must(40))
    if "stale" not in (noted.kind, late.kind):
        assert late.known() == noted.known()
    assert (late.kind == "stale") == (noted.kind == "stale")


def test_what_only_waited_for_us_did_not_run_out_meanwhile() -> None:
    """Accepted at 11 for five minutes, looked at ten minutes later: it fires for five minutes."""
    waited = lifecycle.unaged(firing(10, 16), must(11), must(21))
    assert shown(lifecycle.judge(None, waited, must(21))) == ("new", "firing", 10, None, 26)


@pytest.mark.parametrize(
    "incoming", [firing(10), firing(10, 22), firing(10, 11.5), resolved(10, 16)], ids=str
)
def test_what_has_not_run_out_or_really_ended_is_left_as_it_is(incoming: Alert) -> None:
    """11.5 was the end by the clock of a sender, half a minute before ours."""
    assert lifecycle.unaged(incoming, must(11), must(21)) is incoming
