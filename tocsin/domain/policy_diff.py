"""What is different between two policies, by what is in them instead of by lines of text.

It walks the compiled policy, so that a new section is compared without a word here. A part is
known by its `key`, `name` or `id`, else by its matchers; a field that must not count (`line`, or
one declared with compare=False) is passed over, and so are functions.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, dataclass, fields, is_dataclass
from dataclasses import Field as DataclassField
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, NamedTuple

from schemas import parts
from tocsin.domain import matchers
from tocsin.domain.policy import Policy

What = Literal["added", "removed", "changed", "moved"]

#: What a part is known by, the first that it has.
NAMES = ("key", "name", "id")
#: Where it stands in the document is not what it says.
PLACES = frozenset({"line"})
#: The name of a section where the field of the policy is called otherwise.
SECTIONS = {
    "root": "routes",
    "steps": "enrichment.steps",
    "reopen_window": "incidents.reopen",
    "resolve_timeout": "global.resolve_timeout",
}
#: A tree of parts of one kind is compared node by node.
CHILDREN = "children"


@dataclass(frozen=True, slots=True)
class Field:
    """A value that is different; None on one side: it is not there."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a section. `moved`: it says the same, but at another place in the order."""

    section: str
    id: str
    what: What
    fields: tuple[Field, ...] = ()


class Parts(NamedTuple):
    """A section as plain data: what its parts are known by, and those that have an order."""

    by_id: dict[str, Any]
    order: list[str]


def diff(before: Policy | None, after: Policy) -> list[Change]:
    """What was added, removed, changed and moved, section by section; none: they say the same."""
    found: list[Change] = []
    for field in (each for each in fields(after) if each.compare):
        old = _usual(field) if before is None else getattr(before, field.name)
        was = Parts({}, []) if old is MISSING else _parts(field.name, old)
        section = SECTIONS.get(field.name, field.name)
        found += _section(section, was, _parts(field.name, getattr(after, field.name)))
    return found


def _usual(field: DataclassField[Any]) -> Any:
    """What a policy that says nothing of it has; MISSING where it must say something."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _section(section: str, old: Parts, new: Parts) -> Iterator[Change]:
    moved = _moved(old.order, new.order)
    for id in [*new.by_id, *(id for id in old.by_id if id not in new.by_id)]:
        if id not in old.by_id:
            yield Change(section, id, "added")
        elif id not in new.by_id:
            yield Change(section, id, "removed")
        elif different := tuple(_fields("", old.by_id[id], new.by_id[id])):
            yield Change(section, id, "changed", different)
        elif id in moved:
            yield Change(section, id, "moved")


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The fewest of those that both have whose moving makes one order of the other."""
    place = {id: at for at, id in enumerate(old)}
    kept = [id for id in new if id in place]
    # The longest rising run stays where it is: `tops` holds the lowest end of each length.
    tops: list[int] = []
    before: dict[str, str | None] = {}
    ends: list[str] = []
    for id in kept:
        at = bisect.bisect_left(tops, place[id])
        tops[at : at + 1] = [place[id]]
        ends[at : at + 1] = [id]
        before[id] = ends[at - 1] if at else None
    stays: set[str] = set()
    last = ends[-1] if ends else None
    while last is not None:
        stays.add(last)
        last = before[last]
    return set(kept) - stays


def _parts(section: str, value: Any) -> Parts:
    """The parts of a section; plain values, alone or beside its collections, are one part."""
    if isinstance(value, Mapping):
        return Parts({str(name): _plain(part) for name, part in value.items()}, [])
    if is_dataclass(value) and hasattr(value, CHILDREN):
        return _in_order(_nodes(value))
    if isinstance(value, tuple | list):
        return _in_order(value)
    if not is_dataclass(value):
        return Parts({"": _plain(value)}, [])
    plain: dict[str, Any] = {}
    found = Parts({"": plain}, [])
    for name, each in _said(value):
        if _collects(each):
            inner = _parts(name, each)
            prefix = "" if name == section else f"{name}."
            found.by_id.update((prefix + id, part) for id, part in inner.by_id.items())
            found.order.extend(prefix + id for id in inner.order)
        elif each not in ((), {}):
            plain[name] = _plain(each)
    return found


def _in_order(some: Iterable[Any]) -> Parts:
    named = {id: _plain(part) for id, part in _named(some)}
    return Parts(named, list(named))


def _collects(value: Any) -> bool:
    """Whether it holds parts that are known by names. An empty collection says nothing."""
    some = list(value.values()) if isinstance(value, Mapping) else value
    return isinstance(some, tuple | list) and bool(some) and all(map(_is_part, some))


def _is_part(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, matchers.Matcher)


def _nodes(root: Any) -> Iterator[Any]:
    yield root
    for child in getattr(root, CHILDREN):
        yield from _nodes(child)


def _named(some: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Each with what it is known by; of those that are known by the same, by its number too."""
    seen: Counter[str] = Counter()
    for part in some:
        name = _name(part)
        yield (f"{name} #{seen[name] + 1}" if seen[name] else name), part
        seen[name] += 1


def _name(part: Any) -> str:
    for attribute in NAMES:
        if isinstance(found := getattr(part, attribute, None), str) and found:
            return found
    if conditions := getattr(part, "matchers", None):
        return matchers.render(conditions)
    return str(_plain(part)) if not is_dataclass(part) else "{}"


def _fields(path: str, old: Any, new: Any) -> Iterator[Field]:
    """Where two plain values differ: down to the single values, each with its path."""
    # Parts that are known by names are a mapping, and a list where there are none of them.
    old = {} if old == [] and isinstance(new, dict) else old
    new = {} if new == [] and isinstance(old, dict) else new
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*new, *(name for name in old if name not in new)]:
            here = f"{path}.{name}" if path else name
            yield from _fields(here, old.get(name), new.get(name))
    elif old != new:
        yield Field(path, old, new)


def _plain(value: Any) -> Any:
    """Text, numbers, lists and mappings; what is known by a name stands under it."""
    if isinstance(value, matchers.Matcher):
        return str(value)
    if is_dataclass(value):
        return _record(value)
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, AbstractSet):
        value = sorted(value, key=str)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _list(value)
    return _single(value)


def _record(value: Any) -> dict[str, Any]:
    return {name: _plain(each) for name, each in _said(value)}


def _said(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields that say something; a function is made from one that stands beside it."""
    for field in fields(value):
        each = getattr(value, field.name)
        if (
            field.compare
            and field.name not in (*PLACES, CHILDREN)
            and (is_dataclass(each) or not callable(each))
        ):
            yield field.name.rstrip("_"), each


def _list(value: Sequence[Any]) -> Any:
    if _collects(value):
        return {id: _plain(each) for id, each in _named(value)}
    return [_plain(each) for each in value]


def _single(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, timedelta):
        return parts.say_duration(value)
    if isinstance(value, Enum):
        return value.name
    # What is equal to itself only (a compiled pattern or template) is made anew with each reading;
    # the text that it was made from stands beside it.
    kinds = type(value).__mro__[:-1]
    return str(value) if any("__eq__" in vars(kind) for kind in kinds) else type(value).__name__
