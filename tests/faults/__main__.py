"""`python -m tests.faults`: break a whole installation in every way, and check what is left."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
from pathlib import Path

from tests.faults import nemesis, report, run
from tests.faults.verdict import SPEED, TOO_SLOW
from tocsin.errors import TocsinError

SOAK_SEEDS = range(1, 21)


def main(arguments: list[str] | None = None) -> int:
    """0: every promise held. 1: one did not. 2: nothing could be run. 3: all held but speed."""
    given = _given(arguments)
    runs = _runs(given)
    broken: set[str] = set()
    for number, (seed, faults) in enumerate(runs, 1):
        print(f"seed {seed}, profile {given.profile}", flush=True)
        # What was once red is played by its seed as well: a soak has some seeds twice.
        folder = given.keep / f"{number}-{seed}" if given.keep and len(runs) > 1 else given.keep
        wish = run.Wish(seed, given.profile, faults, folder)
        try:
            done = run.run(wish)
        except TocsinError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 2
        red = report.show(done)
        broken |= red
        if red or given.keep:
            print(f"the history is in {done.folder}", flush=True)
        else:
            shutil.rmtree(done.folder)
    if broken == {SPEED}:
        return TOO_SLOW
    return int(bool(broken))


def _given(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this run again; random if it is left out")
    parser.add_argument("--profile", choices=("quick", "soak"), default="quick")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the history here")
    parser.add_argument(
        "--faults", type=_names, metavar="A,B", help="these, in this order, and no others"
    )
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    known = nemesis.load()
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(
            f"there is no fault {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return names


def _runs(given: argparse.Namespace) -> list[tuple[int, list[str] | None]]:
    """Seeds, and the faults where they are chosen. A soak begins with what was once red."""
    if given.seed is not None:
        return [(given.seed, given.faults)]
    if given.profile == "soak":
        return [*report.once_red(), *((seed, given.faults) for seed in SOAK_SEEDS)]
    return [(secrets.randbelow(10**6), given.faults)]


if __name__ == "__main__":
    sys.exit(main())
