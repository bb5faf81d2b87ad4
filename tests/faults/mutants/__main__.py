"""`python -m tests.faults.mutants [NAME...]`: break the product on purpose and see who notices.

Each mutation is made in a copy of the tree and its check run there. Before it the same check runs
on a copy without it: a check that is red anyway proves nothing. Exit status 1 if one survives.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.mutants import HISTORY, OPTIONS, ROOT, Faults, Mutation, Pytest, Stale, mutations
from tests.faults.verdict import TOO_SLOW

#: A check that takes longer hangs, and what hangs does not do its work. Seconds.
PATIENCE = 600
#: A promise that was broken, in the table at the end of a run of the bench.
_RED = re.compile(r"^([IP]\d+) (?!.*could be checked).* NO$", re.MULTILINE)
LEFT_OUT = (".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache",
            ".hypothesis", ".import_linter_cache")  # fmt: skip


@dataclass
class Bench:
    """What the checks say of the tree as it is, asked once each."""

    keep: Path | None
    sound: dict[tuple[str, ...], bool] = field(default_factory=dict)
    #: What the last check printed.
    said: str = ""

    def together(self, chosen: Iterable[Mutation]) -> None:
        """Ask all tests at once, without any mutation: servers are started once for them."""
        checks = {str(each.check): each.check for each in chosen if isinstance(each.check, Pytest)}
        if not checks:
            return
        asked = ["-m", "pytest", *OPTIONS, *sorted({t for c in checks.values() for t in c.chosen})]
        with copy(None) as tree:
            if self._run("all.sound", tree, asked, PATIENCE * 3) == 0:
                self.sound |= {tuple(check.command()): True for check in checks.values()}

    def verdict(self, name: str, mutation: Mutation) -> tuple[str, bool]:
        """What became of it in a word, and whether that is what must become of it."""
        asked = tuple(mutation.check.command())
        if asked not in self.sound:
            with copy(None) as tree:
                self.sound[asked] = self._green(self._run(f"{name}.sound", tree, list(asked)))
        if not self.sound[asked]:
            return "unclear: the check is red without it", False
        try:
            with copy(mutation) as tree:
                status = self._run(name, tree, list(asked))
        except Stale as stale:
            return f"stale: {str(stale).splitlines()[0]}", False
        return self._judged(mutation, status)

    def _green(self, status: int) -> bool:
        """Whether nothing was noticed, but for how long it took."""
        return status in (0, TOO_SLOW)

    def _judged(self, mutation: Mutation, status: int) -> tuple[str, bool]:
        if self._green(status):
            held = mutation.held_by
            return (f"held by {held}", True) if held else ("SURVIVED", False)
        # A bench that breaks down has noticed nothing: it must say which promise is broken.
        red = _RED.findall(self.said)
        if status != 1 or (isinstance(mutation.check, Faults) and not red):
            return f"unclear: the check ended with {status}", False
        return " ".join(["killed", *red[:4]]), True

    def _run(self, name: str, tree: Path, asked: list[str], patience: float = PATIENCE) -> int:
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.Popen(
            [sys.executable, *asked], cwd=tree, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            self.said, _ = done.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            # The whole session: a bench has servers of its own.
            os.killpg(done.pid, 9)
            self.said, _ = done.communicate()
            self.said += f"\nit did not end within {patience} s"
            done.returncode = 124
        if self.keep:
            (self.keep / f"{name}.txt").write_text(self.said)
            if (tree / HISTORY).exists():
                shutil.move(tree / HISTORY, self.keep / f"{name}.history")
        return done.returncode


@contextmanager
def copy(mutation: Mutation | None) -> Iterator[Path]:
    """A copy of the tree with this broken, which is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-mutant-", dir="/tmp"))
    # Servers that do not run as root have to find their way through it.
    home.chmod(0o755)
    tree = home / "tree"
    try:
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        for edit in mutation.edits if mutation else ():
            edit.apply(tree)
        yield tree
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants")
    parser.add_argument("names", nargs="*", help="these only; all if none is named")
    parser.add_argument("--tests", action="store_true", help="only those that tests must notice")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what they said")
    given = parser.parse_args(arguments)
    known = mutations()
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"there is no mutation {unknown[0]}; there are {', '.join(known)}")
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    chosen = {
        name: known[name] for name in given.names or known
        if not given.tests or isinstance(known[name].check, Pytest)
    }  # fmt: skip
    return _play(chosen, Bench(given.keep))


def _play(chosen: dict[str, Mutation], bench: Bench) -> int:
    wrong = 0
    bench.together(chosen.values())
    for name, mutation in chosen.items():
        began = time.monotonic()
        word, fine = bench.verdict(name, mutation)
        wrong += not fine
        took = f"{time.monotonic() - began:4.0f} s"
        _say(f"{'ok' if fine else '!!'}  {name:28} {word:28} {took}  {mutation.check}")
    _say(f"{len(chosen) - wrong} of {len(chosen)} mutations came to what they must")
    return int(wrong > 0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
