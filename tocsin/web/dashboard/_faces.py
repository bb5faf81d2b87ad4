"""People in pages: the name that is shown, initials, and a colour that stays theirs."""

from __future__ import annotations

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
    """The same name always has the same colour, whoever else there is."""
    person = policy.person(name) if policy else None
    shown = (person.shown if person else None) or name
    hue = hashlib.sha256(name.encode()).digest()[0] % HUES
    return Face(name, shown, initials(shown), hue)


def initials(shown: str) -> str:
    """Two letters at most: of the first and the last part of the name."""
    words = [word for word in re.split(r"[\W_]+", shown) if word]
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])
    return letters.upper()
