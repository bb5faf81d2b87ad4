"""Mutants: the product with one promise broken on purpose, and the check that must notice.

One mutation a file, found by folder: a file that is not named with `_` has a ``MUTATION``. It says
which text of which file is replaced, and what is then run. See ``python -m tests.faults.mutants``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: Of pytest: the first failure says enough, the copy is thrown away, and some mutants never end.
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "--timeout=150")
#: Where a run of the bench leaves its history, in the copy.
HISTORY = "history"


class Stale(Exception):
    """A mutation that does not fit the tree any more."""


@dataclass(frozen=True)
class Edit:
    """One exact replacement; the old text has to be there once."""

    path: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Write it down below `root`. Raises Stale, which says what to look at."""
        (root / self.path).write_text(self.applied(root))

    def applied(self, root: Path) -> str:
        path = root / self.path
        text = path.read_text() if path.exists() else ""
        if (times := text.count(self.old)) != 1:
            raise Stale(f"{self.path} has this {times} times, not once:\n{self.old}")
        return text.replace(self.old, self.new)


class Pytest:
    """Tests of one file, or all of them: exit status 1 says that one failed."""

    def __init__(self, path: str, *names: str) -> None:
        self.path, self.names = path, names

    @property
    def chosen(self) -> list[str]:
        return [f"{self.path}::{name}" for name in self.names] or [self.path]

    def command(self) -> list[str]:
        return ["-m", "pytest", *OPTIONS, *self.chosen]

    def __str__(self) -> str:
        more = f" and {len(self.names) - 1} more" if len(self.names) > 1 else ""
        return "::".join((self.path, *self.names[:1])) + more


@dataclass(frozen=True)
class Faults:
    """A run of the fault bench: exit status 1 says that a promise was broken."""

    faults: str
    seed: int = 7

    def command(self) -> list[str]:
        run = ["--seed", str(self.seed), "--faults", self.faults, "--keep", HISTORY]
        return ["-m", "tests.faults", *run]

    def __str__(self) -> str:
        return f"python -m tests.faults --seed {self.seed} --faults {self.faults}"


@dataclass(frozen=True)
class Mutation:
    """What is broken, and what must notice it; the docstring of its file says what that means.

    ``held_by`` names a second guard that makes the break harmless: then the check must stay green,
    and another mutation breaks both.
    """

    edits: tuple[Edit, ...]
    check: Pytest | Faults
    held_by: str = ""


def mutations() -> dict[str, Mutation]:
    """All mutations by name, in alphabetical order."""
    here = Path(__file__).parent
    names = sorted(path.stem for path in here.glob("*.py") if not path.stem.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").MUTATION for name in names}
