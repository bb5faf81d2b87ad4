"""Each mutation still fits the tree; `make faults-mutants` asks whether it is noticed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.faults.mutants import ROOT, Edit, Mutation, Pytest, Stale, mutations

ALL = mutations()


@pytest.mark.parametrize("mutation", ALL.values(), ids=ALL)
def test_it_applies(mutation: Mutation) -> None:
    for edit in mutation.edits:
        changed = edit.applied(ROOT)
        assert changed != (ROOT / edit.path).read_text()
        # What does not even parse is noticed by everybody, and so proves nothing.
        ast.parse(changed)


@pytest.mark.parametrize("mutation", ALL.values(), ids=ALL)
def test_the_tests_that_must_notice_are_there(mutation: Mutation) -> None:
    if isinstance(mutation.check, Pytest):
        text = (ROOT / mutation.check.path).read_text()
        for name in mutation.check.names:
            assert f"def {name}(" in text, f"{mutation.check.path} has no {name}"


def test_a_mutation_that_does_not_fit_any_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text("a = 1\na = 1\n")
    for old in ("a = 1", "b = 1"):
        with pytest.raises(Stale, match=r"twice\.py"):
            Edit("twice.py", old, "c = 1").apply(tmp_path)
    with pytest.raises(Stale, match="0 times"):
        Edit("gone.py", "a", "b").apply(tmp_path)


def test_what_was_edited_is_written(tmp_path: Path) -> None:
    (tmp_path / "once.py").write_text("a = 1\n")
    Edit("once.py", "a = 1", "a = 2").apply(tmp_path)
    assert (tmp_path / "once.py").read_text() == "a = 2\n"
