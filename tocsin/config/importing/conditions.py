"""Conditions of Alertmanager in all the forms that it has had: `match`, `match_re`, `matchers`."""

from __future__ import annotations

from tocsin.config.importing.source import Part
from tocsin.domain import matchers


class Unread(Exception):
    """A condition could not be read, so that what it belongs to would be about other alerts."""


def of(part: Part, prefix: str = "") -> list[str]:
    """The conditions of a route, or of one side of an inhibition, as ``matchers``.

    Raises Unread after the reason was noted.
    """
    found = []
    forms: tuple[tuple[str, matchers.Op], ...] = (("match", "="), ("match_re", "=~"))
    for key, op in forms:
        old = part.get(f"{prefix}{key}")
        if old and not isinstance(old.node.value, dict):
            old.note("left_out", "it should be a mapping of labels to values")
            raise Unread
        if old:
            found += [_made(value, name, op) for name, value in old.pairs()]
            old.note("changed", "written as `matchers`, which mean the same")
    for entry in part.each(f"{prefix}matchers"):
        text = entry.text()
        if text is None:
            raise Unread
        try:
            matchers.parse_list(text)
        except ValueError as error:
            entry.note("left_out", str(error))
            raise Unread from error
        found.append(text.strip())
    return found


def _made(value: Part, name: str, op: matchers.Op) -> str:
    text = value.text()
    if text is None:
        raise Unread
    try:
        return str(matchers.Matcher(name, op, text))
    except ValueError as error:
        value.note("left_out", str(error))
        raise Unread from error
