"""Times as cron writes them: `minute hour day-of-month month day-of-week`, read into sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}  # fmt: skip
_LONGEST = 200
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(
    r"(?:(?P<all>\*)|(?P<first>\w{1,3})(?:-(?P<last>\w{1,3}))?)(?:/(?P<step>[0-9]{1,3}))?",
    re.ASCII,
)


class Cron(NamedTuple):
    """Which minutes, hours, days and months; a week begins with Sunday, 0.

    `either`: days of the month and of the week were both named, and one of them is enough.
    `each_hour`: no hour was named, so that a clock that is put back strikes twice.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    each_hour: bool


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    names: Sequence[str] = ()
    #: What the first of the names stands for.
    base: int = 0


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of the week", 0, 7, _DAYS),
)


def parse(text: str) -> Cron:
    """Raises ValueError that says what is wrong."""
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    words = _MACROS.get(text.strip().lower(), text).split()
    if len(words) != len(_FIELDS):
        raise ValueError(
            "write five fields: minute, hour, day of the month, month, day of the week;"
            " `0 3 * * *` is each night at three"
        )
    minutes, hours, days, months, week = map(_values, words, _FIELDS)
    named = (not words[2].startswith("*"), not words[4].startswith("*"))
    if named[0] and not named[1] and not any(min(days) <= _LONGEST_MONTH[m - 1] for m in months):
        raise ValueError(f"`{text}` never comes: no such month has such a day")
    return Cron(
        tuple(sorted(minutes)), tuple(sorted(hours)), frozenset(days), frozenset(months),
        frozenset(day % 7 for day in week), either=all(named), each_hour=words[1] == "*",
    )  # fmt: skip


def _values(text: str, of: _Field) -> set[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        read = _PART.fullmatch(part)
        if read is None:
            raise ValueError(f"`{part}` is no {of.name}: write numbers, 1-5, 1,15, * or */10")
        step = int(read["step"] or 1)
        if step < 1:
            raise ValueError(f"`{part}`: a step is 1 or more")
        first, last = of.least, of.most
        if not read["all"]:
            first = _number(read["first"], of)
            # `5/10` begins at 5 and goes on to the end.
            last = _number(read["last"], of) if read["last"] else of.most if read["step"] else first
        if last < first:
            raise ValueError(f"`{part}` ends before it begins: write two, with a comma")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, of: _Field) -> int:
    if text in of.names:
        return of.names.index(text) + of.base
    number = int(text) if text.isdigit() else -1
    if not of.least <= number <= of.most:
        raise ValueError(f"`{text}` is no {of.name}: {of.least} to {of.most}")
    return number
