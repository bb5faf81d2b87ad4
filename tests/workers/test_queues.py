"""Which stages share a queue decides what is done in one transaction."""

from __future__ import annotations

import pytest

from tocsin import errors
from workers import queues


def test_all_stages_are_fused_until_one_is_moved() -> None:
    assert queues.fused("dedup", queues.of_stages("")) == queues.STAGES


@pytest.mark.parametrize(
    ("moved", "first", "line"),
    [
        ("evaluate=rules", "dedup", ("dedup", "enrich")),
        ("evaluate=rules", "evaluate", ("evaluate",)),
        ("evaluate=rules", "group", ("group",)),
        ("evaluate=rules, group=rules", "evaluate", ("evaluate", "group")),
        ("flush=loud", "enrich", ("enrich", "evaluate", "group")),
    ],
)
def test_a_line_ends_where_the_queue_changes(moved: str, first: str, line: tuple[str, ...]) -> None:
    assert queues.fused(first, queues.of_stages(moved)) == line


def test_each_stage_but_the_last_has_a_follower() -> None:
    followers = [queues.following(stage) for stage in queues.STAGES]
    assert followers == [*queues.STAGES[1:], None]


@pytest.mark.parametrize("text", ["nonsense=q", "dedup", "dedup=", "dedup=a b"])
def test_a_stage_that_does_not_exist_is_refused_with_the_names_of_those_that_do(text: str) -> None:
    with pytest.raises(errors.SetupError, match="unmute"):
        queues.of_stages(text)
