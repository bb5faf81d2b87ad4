"""How large the next piece of a flood is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workers import turns


class Clock:
    """Time that passes while somebody sleeps, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now, self.naps = 100.0, list[float]()
        self.meanwhile: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.meanwhile()
        self.now += seconds
        self.naps.append(round(seconds, 3))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(turns, "time", made)
    return made


def pace(*seen: int) -> turns.Pace:
    made = turns.Pace(250, 1000)
    made.saw(seen)
    return made


@pytest.mark.parametrize(
    ("seen", "target"), [((1,), turns.ALONE_SECONDS), ((1, 2), turns.SHARED_SECONDS)]
)
@pytest.mark.parametrize("rate", [2_000, 10_000])
def test_it_settles_where_a_piece_lasts_as_long_as_it_should(
    seen: tuple[int, ...], target: float, rate: int
) -> None:
    made = pace(*seen)
    for _ in range(50):
        size = made.size(100_000)
        made.took(size, size / rate)
    assert made.size(100_000) / rate == pytest.approx(target, rel=0.1)


def test_it_is_never_less_than_the_least_nor_more_than_what_is_allowed() -> None:
    made = pace(1)
    for _ in range(20):
        made.took(made.size(2500), 9.0)
    assert made.size(2500) == 250
    for _ in range(20):
        made.took(made.size(10**9), 0.0)
    assert made.size(2500) == 2500


def test_a_piece_that_was_not_full_does_not_make_the_next_one_larger() -> None:
    made = pace(1)
    made.took(10, 0.001)
    assert made.size(2500) == 1000


def test_one_slow_piece_at_most_halves_the_size() -> None:
    made = pace(1)
    made.took(1000, 60.0)
    assert made.size(2500) >= 500


@pytest.mark.parametrize("slow", [0.41, 0.9, 5.0])
def test_it_grows_again_from_the_least(slow: float) -> None:
    made = turns.Pace(4, 4)
    for seconds, sizes in ((slow, {4}), (0.001, {64})):
        for _ in range(30):
            made.took(made.size(64), seconds)
        assert made.size(64) in sizes


def test_light_work_is_followed_by_the_turn_of_the_heavy() -> None:
    order, seen = turns.Turns(), []
    for light in (True, False, True):
        order.took(light=light)
        seen.append(order.heavy)
    assert seen == [True, False, True]


def test_a_beat_spaces_what_works_and_lets_what_rested_begin_at_once(clock: Clock) -> None:
    beat = turns.Beat(0.02)
    assert beat.turn()
    assert beat.turn()  # the first found nothing to do
    beat.worked(clock.now)
    clock.now += 0.005
    assert beat.turn()
    assert clock.naps == [0.015]
    beat.worked(clock.now)
    clock.now += 0.3
    assert beat.turn()
    assert clock.naps == [0.015]


def test_one_waits_for_the_beat_and_the_others_need_not(clock: Clock) -> None:
    beat, told = turns.Beat(0.02), []
    beat.worked(clock.now)
    clock.meanwhile = lambda: told.append(beat.turn())
    assert beat.turn()
    assert told == [False]


def test_whoever_is_stopped_while_it_waits_leaves_the_place_to_another(clock: Clock) -> None:
    beat = turns.Beat(0.02)
    beat.worked(clock.now)
    clock.meanwhile = lambda: pytest.fail("stopped")
    with pytest.raises(pytest.fail.Exception):
        beat.turn()
    clock.meanwhile = lambda: None
    assert beat.turn()
    assert clock.naps == [0.02]
