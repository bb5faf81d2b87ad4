"""What fits into text messages: alphabets, parts counted as networks count them, and the cut.

GSM 03.38 has 128 characters and ten more that cost two; one message takes 160 of them, a part of a
longer one 153, because its header takes room. One character from outside makes the whole text
UCS-2, of which 70 and 67 fit: a single curly quote more than halves what can be said.
"""

# ruff: noqa: RUF001 - it is about just these characters
from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Two septets each: an escape and the character, which are never in two parts.
_EXTENDED = frozenset("\f^{}\\[~]|€")
#: Typography that has a plain twin.
_TWINS = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‘’‚‛‹›′`´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("•·∙", "-"),
        "…": "...",
        "×": "x",
        "→": "->",
        "←": "<-",
        "≥": ">=",
        "≤": "<=",
        "°": "deg",
        "µ": "u",
        "μ": "u",
    }
)


@dataclass(frozen=True)
class Size:
    """How a text travels: its alphabet and in how many parts."""

    alphabet: str
    parts: int


def measure(text: str) -> Size:
    """Alphabet and parts of ``text`` exactly as it stands."""
    if all(char in _BASIC or char in _EXTENDED for char in text):
        return Size("GSM-7", _parts((2 if char in _EXTENDED else 1 for char in text), 160, 153))
    # A surrogate pair costs two and is never in two parts either.
    return Size("UCS-2", _parts((2 if ord(char) > 0xFFFF else 1 for char in text), 70, 67))


def _parts(costs: Iterable[int], alone: int, each: int) -> int:
    full, room, total = 1, each, 0
    for cost in costs:
        total += cost
        if cost > room:
            full, room = full + 1, each
        room -= cost
    return 1 if total <= alone else full


def plainer(text: str) -> str:
    """``text`` in the cheap alphabet where only typography and accents stand against it.

    An accent is worth less than the half of a page; a text in another script stays as it is.
    """
    twin = text.translate(_TWINS)
    folded = "".join(_folded(char) for char in twin)
    return folded if measure(folded).alphabet == "GSM-7" else text


def _folded(char: str) -> str:
    if char in _BASIC or char in _EXTENDED:
        return char
    base = unicodedata.normalize("NFKD", char)
    return "".join(each for each in base if not unicodedata.combining(each)) or char


@dataclass(frozen=True)
class Lines:
    """The lines of one message. ``told`` and ``hint`` are what matters most; all but ``hint`` may
    be cut, in the order why, link, facts, told."""

    told: str
    facts: str = ""
    why: str = ""
    hint: str = ""
    link: str = ""
    #: The link is a way to act; then it outlives the facts.
    acts: bool = False

    def text(self) -> str:
        lines = (self.told, self.facts, self.why, self.hint, self.link)
        return plainer("\n".join(line for line in lines if line))


def fit(lines: Lines, most: int) -> str:
    """The text in at most ``most`` parts: what is wrong and how to answer go last of all."""
    for version in _versions(lines):
        if version.text() and measure(version.text()).parts <= most:
            return version.text()
    bare = Lines(told="", hint=lines.hint)
    return _longest(lambda told: Lines(told, hint=bare.hint), lines.told, most).text()


def _versions(lines: Lines) -> Iterator[Lines]:
    """Ever less, as long as what is wrong stays whole."""
    told, facts, why, hint, link = lines.told, lines.facts, lines.why, lines.hint, lines.link
    yield lines
    # Most of the reason is better than none, and a half-sentence is no reason.
    for words in range(len(why.split()) - 1, 4, -1):
        yield Lines(told, facts, " ".join(why.split()[:words]) + "...", hint, link)
    yield Lines(told, facts, "", hint, link)
    if lines.acts:
        yield Lines(told, "", "", hint, link)
    yield Lines(told, facts, "", hint)
    yield Lines(told, "", "", hint)


def _longest(made: Callable[[str], Lines], text: str, most: int) -> Lines:
    """With as much of ``text`` as fits; a shorter beginning never takes more parts."""
    low, high = 0, min(len(text), 160 * most)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(made(_cut(text, middle)).text()).parts <= most:
            low = middle
        else:
            high = middle - 1
    return made(_cut(text, low))


def _cut(text: str, length: int) -> str:
    return text if length >= len(text) else text[:length].rstrip() + "..." if length else ""
