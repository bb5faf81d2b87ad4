"""People in pages: the name that is shown, initials, and a colour that stays theirs."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import NamedTuple

from tocsin.domain.policy import Policy

#: How many colours the style has for people.
HUES = 10


class Face(NamedTuple):
    """Somebody, or something that has a name, as pages show it."""

    name: str
    shown: str
    initials: str
    hue: int


def of(policy: Policy | None, name: str) -> Face:
    """Two people of one policy look alike only where there are more of them than colours."""
    person = policy.person(name) if policy else None
    shown = (person.shown if person else None) or name
    hue = _hues(tuple(sorted(each.name for each in policy.people))) if policy else {}
    return Face(name, shown, initials(shown), hue.get(name, _first(name)))


def initials(shown: str) -> str:
    """Two letters at most: of the first and the last part of the name."""
    words = [word for word in re.split(r"[\W_]+", shown) if word]
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])
    return letters.upper()


@functools.lru_cache(maxsize=64)
def _hues(names: tuple[str, ...]) -> dict[str, int]:
    """Each begins with the colour of the name and takes the next one that is left."""
    left, found = list(range(HUES)), {}
    for name in names:
        left = left or list(range(HUES))
        hue = min(left, key=lambda each: (each - _first(name)) % HUES)
        left.remove(hue)
        found[name] = hue
    return found


def _first(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % HUES
