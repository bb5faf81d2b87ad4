"""Effective labels: the original ones with what enrichment and rules put over them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import change

PAIRS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2"]))


def test_rules_stand_above_enrichment_and_enrichment_above_the_sender() -> None:
    labels = {"a": "sent", "b": "sent", "c": "sent"}
    assert change.effective(labels, {"b": "added", "c": "added"}, {"c": "ruled"}) == {
        "a": "sent", "b": "added", "c": "ruled",
    }  # fmt: skip


def test_an_empty_value_takes_a_label_away() -> None:
    assert change.effective({"a": "1", "b": "2"}, {}, {"a": ""}) == {"b": "2"}


@given(PAIRS, PAIRS, PAIRS)
def test_the_original_is_never_changed(
    labels: dict[str, str], added: dict[str, str], ruled: dict[str, str]
) -> None:
    before = dict(labels), dict(added), dict(ruled)
    made = change.effective(labels, added, ruled)
    assert (labels, added, ruled) == before
    made["new"] = "x"
    assert "new" not in labels
    if added or ruled:
        assert "" not in made.values()
