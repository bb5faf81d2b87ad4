"""Ways into a JSON document: `owner.team`, `links[0].url`, `[0].name`."""

from __future__ import annotations

import re
from typing import Any

Path = tuple[str | int, ...]

_STEP = re.compile(r"(?:^|\.)([A-Za-z_@$][A-Za-z0-9_@$:-]*)|\[([0-9]{1,6})\]")
MAX_PATH = 200
#: Of a list so many values are shown.
MAX_ITEMS = 100


def parse(text: str) -> Path:
    """Read a path. Raises ValueError that says how one is written."""
    steps: list[str | int] = []
    at = 0
    while at < len(text) <= MAX_PATH:
        found = _STEP.match(text, at)
        if found is None:
            break
        steps.append(found[1] if found[1] is not None else int(found[2]))
        at = found.end()
    if not steps or at != len(text):
        raise ValueError("not a path: write names with dots between, as in owner.team or [0].id")
    return tuple(steps)


def checked(text: str) -> str:
    """The text itself, for a field of settings; raises ValueError as `parse` does."""
    parse(text)
    return text


def value(document: Any, path: Path) -> str | None:
    """What stands there, as text; None for nothing, for null and for what is no value."""
    here = document
    for step in path:
        try:
            here = here[step] if isinstance(step, int) == isinstance(here, list) else None
        except (KeyError, IndexError, TypeError):
            return None
    return _text(here)


def _text(found: Any) -> str | None:
    if isinstance(found, list):
        some = [text for item in found[:MAX_ITEMS] if not isinstance(item, list)
                and (text := _text(item)) is not None]  # fmt: skip
        return ", ".join(some) or None
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str | int | float):
        return str(found) or None
    return None
