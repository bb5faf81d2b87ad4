"""How large the next piece of a flood is."""

from __future__ import annotations

import pytest

from workers import turns


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


def test_light_work_is_followed_by_the_turn_of_the_heavy() -> None:
    order, seen = turns.Turns(), []
    for light in (True, False, True):
        order.took(light=light)
        seen.append(order.heavy)
    assert seen == [True, False, True]
