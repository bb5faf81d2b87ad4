"""Labels as numbers: always the same, in the range of a bigint, each tenant's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import tags

PAIRS = st.lists(st.tuples(st.text(), st.text()), max_size=8)


def test_what_is_stored_is_found_by_later_versions_too() -> None:
    assert tags.of(1, [("severity", "critical")]) == [208348226288557911]


@given(PAIRS)
def test_each_label_once_in_order_as_a_bigint(pairs: list[tuple[str, str]]) -> None:
    found = tags.of(7, pairs)
    assert found == sorted(set(found))
    assert len(found) == len(set(pairs))
    assert all(-(2**63) <= tag < 2**63 for tag in found)


@given(PAIRS.filter(bool))
def test_another_tenant_has_others(pairs: list[tuple[str, str]]) -> None:
    assert not {*tags.of(1, pairs)} & {*tags.of(2, pairs)}


def test_name_and_value_do_not_run_together() -> None:
    assert tags.of(1, [("ab", "c")]) != tags.of(1, [("a", "bc")])


def test_a_lone_surrogate_is_no_error() -> None:
    assert len(tags.of(1, [("name", "\ud800")])) == 1
