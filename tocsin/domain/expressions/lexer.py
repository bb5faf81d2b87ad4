"""From the text of an expression to its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from schemas import parts
from tocsin.domain.expressions.kinds import Value, bad

#: Longest expression, in bytes of UTF-8.
MAX_BYTES = 4096

Sort = Literal["text", "number", "duration", "name", "symbol", "end"]
WORDS = frozenset({"and", "or", "not", "in", "contains", "matches", "true", "false"})

_WORD = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<duration>\d+(?:\.\d+)?[A-Za-z][A-Za-z0-9]*(?<!\d[eE])(?!\.))"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol>==|!=|<=|>=|[-<>()\[\],.+*/])",
    re.ASCII,
)
_SCIENTIFIC = re.compile(r"\d+(\.\d+)?[eE][+-]?\d{1,3}(?![A-Za-z0-9_.])", re.ASCII)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_INSTEAD = {
    "=~": "write `matches`",
    "!~": "write `not (... matches ...)`",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or `!=`",
    "=": "write `==`",
    "“": 'write plain quotes: "',
    "”": 'write plain quotes: "',
    "$": "names stand without `$`",
    "{": "names stand without braces",
}


class Word(NamedTuple):
    """A word of an expression; `value` is what it means, where that is not its text."""

    sort: Sort
    text: str
    at: int
    value: Value = None

    @property
    def said(self) -> str:
        """How an error calls it."""
        return "the end" if self.sort == "end" else f"`{self.text[:40]}`"


def words(text: str) -> Iterator[Word]:
    """The words in order, then one that is the end. Raises ValueError with the column."""
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise ValueError(
            f"the expression is {size} bytes long, more than {MAX_BYTES}: split it over several"
        )
    at = 0
    while at < len(text):
        if text[at] in "\"'":
            word, at = _quoted(text, at)
            yield word
            continue
        if science := _SCIENTIFIC.match(text, at):
            yield Word("number", science[0], at, float(science[0]))
            at = science.end()
            continue
        found = _WORD.match(text, at)
        if not found:
            raise bad(at, f"`{text[at]}` has no meaning here{_instead(text, at)}")
        if found.lastgroup != "space":
            yield _word(found)
        at = found.end()
    yield Word("end", "", len(text))


def _word(found: re.Match[str]) -> Word:
    text, at = found[0], found.start()
    if found.lastgroup == "number":
        return Word("number", text, at, float(text))
    if found.lastgroup == "duration":
        try:
            return Word("duration", text, at, parts.parse_duration(text).total_seconds())
        except ValueError as error:
            raise bad(at, f"`{text[:40]}` is {error}") from None
    return Word("name" if found.lastgroup == "name" else "symbol", text, at)


def _quoted(text: str, at: int) -> tuple[Word, int]:
    """The text in quotes from `at` on. An unknown escape stays as it stands: `"\\d+"` is itself."""
    quote, start = text[at], at
    out: list[str] = []
    at += 1
    while at < len(text):
        char = text[at]
        if char == quote:
            return Word("text", text[start : at + 1], start, "".join(out)), at + 1
        if char == "\\" and at + 1 < len(text):
            at += 1
            char = _ESCAPES.get(text[at], "\\" + text[at])
        out.append(char)
        at += 1
    raise bad(start, f"this quote is never closed: put {quote} at the end of the text")


def _instead(text: str, at: int) -> str:
    said = _INSTEAD.get(text[at : at + 2]) or _INSTEAD.get(text[at])
    return f": {said}" if said else ""
