"""The documents of the repository, and what stands in them as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deploy" / "examples"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
#: What ends a command on its line.
_END = re.compile(r"\s+(?:[>|#&)]|2>).*|[;)].*")
_COMMAND = re.compile(r"^(?:ExecStart=|(?:\w+=\S+ )+)?(?:\S*/)?tocsin\s+(\S.*)$")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str = "") -> list[str]:
    """The fenced blocks of a page, those in one language or all."""
    return [body for kind, body in _FENCE.findall(text(page)) if language in ("", kind)]


def inline(page: str) -> list[str]:
    """What stands between backticks in running text."""
    return _CODE.findall(_FENCE.sub("", text(page)))


def commands() -> Iterator[tuple[str, str, bool]]:
    """(page, what follows the word `tocsin`, whether it is whole) for each command in a page.

    A command in a block is one to copy, so it must be whole; in a sentence it may be abridged.
    """
    for page in map(name, PAGES):
        shell = "".join([*blocks(page, "sh"), *blocks(page, "ini")])
        lines = shell.replace("\\\n", " ").splitlines()
        for source, whole in ((lines, True), (inline(page), False)):
            for line in source:
                if found := _COMMAND.search(_END.sub("", line)):
                    yield page, found[1].strip(), whole


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this, without the two lines of its head."""
    table = text(page).partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")]
            for line in table.splitlines()[2:]]  # fmt: skip


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes links of them."""
    plain = _FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
