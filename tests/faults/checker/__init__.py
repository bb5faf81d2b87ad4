"""The checker: holds the history of a finished run against what is promised.

``check(folder)`` asks every file of this folder named ``i<n>_...`` or ``p<n>_...``; a new promise
is a new file with ``check(story) -> Verdict``. None of it imports the product.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.faults.checker.story import Story
from tests.faults.verdict import Verdict

_NAMED = re.compile(r"([ip])(\d+)_\w+")
#: So many lines of what is wrong; one is enough to begin, a thousand hide each other.
DETAILS = 20


def check(folder: Path) -> list[Verdict]:
    """What this history says of each promise, in the order of their names.

    A check that breaks on a history is red: it must never pass for want of an answer.
    """
    story = Story(folder)
    return [_ask(module, story) for module in invariants()]


def invariants() -> Iterator[ModuleType]:
    """All invariants, found by folder."""
    here = Path(__file__).parent
    found = [(_NAMED.fullmatch(path.stem), path.stem) for path in here.glob("*.py")]
    named = [(match[1], int(match[2]), stem) for match, stem in found if match]
    for _, _, stem in sorted(named):
        yield importlib.import_module(f"{__name__}.{stem}")


def _ask(module: ModuleType, story: Story) -> Verdict:
    try:
        verdict: Verdict = module.check(story)
    except Exception as error:
        name = module.__name__.rpartition(".")[2]
        said = f"{type(error).__name__}: {error}"
        return Verdict(name.split("_")[0].upper(), f"{name} could be checked", said, "", False)
    return verdict


def judged(
    id: str, promise: str, wrong: list[str], *, of: str = "", limit: str = "0 wrong"
) -> Verdict:
    """The verdict on a promise that nothing may break; ``of`` says what was looked at."""
    figure = f"{len(wrong)} wrong" + (f" ({of})" if of else "")
    return Verdict(id, promise, figure, limit, not wrong, wrong[:DETAILS])
