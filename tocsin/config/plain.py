"""Looking into a document as it was written, whose parts may have any form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tocsin.config import problems


def listed(part: Any, key: str) -> list[Any]:
    """The list under this key; empty where there is none."""
    found = part.get(key) if isinstance(part, dict) else None
    return found if isinstance(found, list) else []


def dicts(part: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings in the list under this key, each with its place."""
    return ((at, each) for at, each in enumerate(listed(part, key)) if isinstance(each, dict))


def names(part: Any, key: str) -> list[str]:
    """The `name` of each mapping in the list under this key."""
    return [each["name"] for _, each in dicts(part, key) if isinstance(each.get("name"), str)]


def twice(part: Any, section: str, *keys: str) -> Iterator[tuple[problems.Path, str]]:
    """Values that lead to one thing and stand in two of the section."""
    seen: set[tuple[str, str]] = set()
    for at, each in dicts(part, section):
        for key in keys:
            value = each.get(key)
            if not isinstance(value, str):
                continue
            if (key, value) in seen:
                yield (section, at, key), f"two of the {section} have the {key} `{value}`"
            seen.add((key, value))
