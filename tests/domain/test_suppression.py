"""Silences keep quiet what they match, while they last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import matchers, suppression
from tocsin.domain.suppression import Silence

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
END = T + timedelta(hours=1)
TICK = timedelta(microseconds=1)


def silence(id: str, conditions: str) -> Silence:
    return Silence(id, matchers.parse_list(conditions), T, END)


def test_a_silence_holds_from_its_start_until_just_before_its_end() -> None:
    one = [silence("a", "a=b")]
    moments = [T - TICK, T, END - TICK, END]
    held = [suppression.silenced_by(one, {"a": "b"}, now) for now in moments]
    assert held == [(), ("a",), ("a",), ()]


def test_all_that_match_are_named() -> None:
    silences = [
        silence("c", "{}"),
        silence("b", "a=~b|c"),
        silence("a", "a=b"),
        silence("d", "a=x"),
    ]
    assert suppression.silenced_by(silences, {"a": "b"}, T) == ("a", "b", "c")


def test_a_missing_label_is_empty() -> None:
    assert suppression.silenced_by([silence("a", "a=")], {}, T) == ("a",)


@given(
    st.lists(
        st.sampled_from(["a=1", "a=1,b=2", "b=2,a=", "a!=1", "a=~1|2", "b=", "{}"]), max_size=8
    ),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from(["", "1", "2"])),
)
def test_the_index_finds_what_asking_each_finds(
    conditions: list[str], labels: dict[str, str]
) -> None:
    silences = [silence(str(at), text) for at, text in enumerate(conditions)]
    expected = tuple(sorted(s.id for s in silences if matchers.matches(s.matchers, labels)))
    assert suppression.silenced_by(suppression.index(silences), labels, T) == expected


def test_a_window_alone_mutes_and_a_silence_beside_it_says_more() -> None:
    window = Silence("w", matchers.parse_list("a=b"), T, END, "maintenance")
    filed = suppression.index([window, silence("s", "a=b")])
    by = suppression.silenced_by(filed, {"a": "b"}, T)
    assert by == ("s", "w")
    assert suppression.outcome(filed, by) == "silenced"
    assert suppression.outcome(filed, ("w",)) == "muted"


def test_a_silence_waits_for_the_last_and_for_the_grace() -> None:
    ask, grace = suppression.ASK_AGAIN, suppression.GRACE
    assert suppression.look_again(1, None, T) == T + ask
    assert suppression.look_again(1, T - 2 * grace, T) == T + ask
    assert suppression.look_again(0, T - grace + TICK, T) == T + TICK
    assert suppression.look_again(0, T - grace, T) is None
    assert suppression.look_again(0, None, T) == T + ask
