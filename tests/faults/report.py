"""The table at the end of a run."""

from __future__ import annotations

from pathlib import Path

from tests.faults import history
from tests.faults.run import Done
from tests.faults.verdict import Verdict

SEEDS = Path(__file__).with_name("seeds.txt")
#: So many details of a promise that was broken are shown.
DETAILS = 10


def show(done: Done) -> set[str]:
    """Print what happened and how every promise fared; the ids of those that were broken."""
    said = history.run(done.folder)
    print(f"faults: {', '.join(done.plan) or 'none'}")
    for name, why in done.left_out.items():
        print(f"left out: {name}: {why}")
    print(
        f"{done.figures['posted']} alerts posted, {done.figures['planned']} were planned;"
        f" {done.figures['acts']} acts, {said['crashes']} cuts that may double,"
        f" {done.seconds:.0f} s",
        flush=True,
    )
    verdicts = [*_own(done), *_checked(done.folder)]
    for line in table(verdicts):
        print(line)
    return {verdict.id for verdict in verdicts if not verdict.ok}


def _checked(folder: Path) -> list[Verdict]:
    from tests.faults import checker

    return checker.check(folder)


def _own(done: Done) -> list[Verdict]:
    """That the run itself was one: nothing of what was planned failed to happen."""
    unanswered, late = done.figures["unanswered"], done.figures["settled"]
    return [
        Verdict("B1", "every planned fault was played", f"{len(done.broken)} were not", "0",
                not done.broken, done.broken),
        Verdict("B2", "every post was answered in the end", f"{unanswered} were not", "0",
                not unanswered),
        Verdict("P11", "it heals alone", late or "quiet", "quiet", not late),
    ]  # fmt: skip


def table(verdicts: list[Verdict]) -> list[str]:
    """Promise, figure, limit, pass; below it what was wrong."""
    rows = [("", "promise", "figure", "limit", "pass")]
    rows += [(v.id, v.promise, v.figure, v.limit, "yes" if v.ok else "NO") for v in verdicts]
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for verdict in verdicts:
        if not verdict.ok:
            lines += [f"{verdict.id}: {detail}" for detail in verdict.details[:DETAILS]]
    return lines


def once_red() -> list[tuple[int, list[str] | None]]:
    """The seeds that once found something, with the faults that were chosen for them."""
    lines = SEEDS.read_text().splitlines()
    words = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return [(int(seed), None if names == "-" else names.split(",")) for seed, names, *_ in words]
