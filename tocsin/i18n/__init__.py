"""Every sentence for people comes from a catalogue here, so that another language is one file.

``<locale>.yml`` beside this file holds the sentences, those of one area ``<locale>.<area>.yml``;
``$name`` in one stands for a value. A
sentence that depends on a number has the forms ``one`` and ``other`` and takes the number as ``n``.
"""

from __future__ import annotations

import functools
import logging
import re
import string
from collections.abc import Mapping
from pathlib import Path

import yaml

FALLBACK = "en"

_log = logging.getLogger(__name__)
_FOLDER = Path(__file__).parent
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def say(key: str, locale: str = FALLBACK, **values: object) -> str:
    """The sentence ``key`` in the best language there is for ``locale``.

    ``locale`` may be several with commas, the best first: "de-AT,fr" is de-AT, de, fr, English.

    Values are data: nothing in them is read as a pattern. A sentence that is missing gives its
    key and a line in the log, because a page goes out all the same; tests refuse missing ones.
    """
    for name in _chain(locale):
        sentence = catalogue(name).get(_form(key, name, values))
        if sentence is not None:
            return string.Template(sentence).safe_substitute(values)
    _log.warning("no sentence for %s", key)
    return " ".join([key, *(str(value) for value in values.values())])


def knows(key: str) -> bool:
    """Whether there is such a sentence; English has them all."""
    return key in catalogue(FALLBACK) or f"{key}.other" in catalogue(FALLBACK)


@functools.cache
def catalogue(locale: str) -> Mapping[str, str]:
    """The sentences of exactly this locale by their dotted keys; empty if there is no file."""
    if not _LOCALE.fullmatch(locale):
        return {}
    files = [_FOLDER / f"{locale}.yml", *sorted(_FOLDER.glob(f"{locale}.*.yml"))]
    texts = [path.read_text(encoding="utf-8") for path in files if path.is_file()]
    return {key: sentence for text in texts for key, sentence in _flat("", yaml.safe_load(text))}


@functools.cache
def _chain(locale: str) -> tuple[str, ...]:
    """de-AT, de, en."""
    names: list[str] = []
    for wanted in locale.split(","):
        parts = wanted.split("-")
        names += ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return tuple(dict.fromkeys([*names, FALLBACK]))


def _form(key: str, locale: str, values: Mapping[str, object]) -> str:
    if "n" not in values or f"{key}.other" not in catalogue(locale):
        return key
    one = values["n"] == 1 and f"{key}.one" in catalogue(locale)
    return f"{key}.one" if one else f"{key}.other"


def _flat(prefix: str, tree: Mapping[str, object]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(f"{prefix}{name}.", value)
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found
