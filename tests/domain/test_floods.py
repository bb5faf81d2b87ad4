"""When a tenant is folded, which of its alerts, and what they share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import floods

SMALL = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


@pytest.mark.parametrize(
    ("behind", "backlog", "under_way", "folds"),
    [(101, 100, False, True), (100, 100, False, False), (26, 100, True, True),
     (25, 100, True, False), (10**9, 0, False, False), (10**9, 0, True, False)],
)  # fmt: skip
def test_it_begins_far_above_where_it_ends(
    behind: int, backlog: int, under_way: bool, folds: bool
) -> None:
    assert floods.folds(behind, backlog, under_way=under_way) is folds


def test_what_is_critical_over_or_our_own_is_never_folded() -> None:
    assert floods.foldable("new", "firing", "warning", posted=True)
    assert floods.foldable("refired", "firing", "info", posted=True)
    assert not floods.foldable("new", "firing", "critical", posted=True)
    assert not floods.foldable("resolved", "resolved", "warning", posted=True)
    assert not floods.foldable("stale", "firing", "warning", posted=True)
    assert not floods.foldable("new", "firing", "warning", posted=False)


@given(st.lists(SMALL))
def test_what_is_shared_is_in_all_of_them_and_all_that_is(some: list[dict[str, str]]) -> None:
    found = floods.shared(some)
    common = set.intersection(*(set(each.items()) for each in some)) if some else set()
    assert set(found.items()) == common
