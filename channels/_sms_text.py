"""What fits into text messages: alphabets, parts counted as networks count them, and the cut.

GSM 03.38 has 128 characters and ten more that cost two; one message takes 160 of them, a part of a
longer one 153, because its header takes room. One character from outside makes the whole text
UCS-2, of which 70 and 67 fit: a single curly quote more than halves what can be said.
"""

# ruff: noqa: RUF001 - it is about just these characters
from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

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


#: So much of what is wrong stays, whatever else there is to say.
LEAST = 30


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
    """The lines of one message. ``told``, ``because`` and ``hint`` are what matters most; all but
    ``hint`` may be cut, in the order why, link, facts, caution, told, because."""

    told: str
    facts: str = ""
    why: str = ""
    hint: str = ""
    link: str = ""
    #: The link is a way to act; then it outlives the facts.
    acts: bool = False
    because: str = ""
    caution: str = ""

    def text(self) -> str:
        lines = (
            self.told, self.facts, self.because, self.why, self.caution, self.hint, self.link
        )  # fmt: skip
        return plainer("\n".join(line for line in lines if line))


def fit(lines: Lines, most: int) -> str:
    """The text in at most ``most`` parts: what is wrong and how to answer go last of all."""
    for version in _versions(lines):
        if version.text() and measure(version.text()).parts <= most:
            return version.text()
    clauses = lines.because.split(", ")
    for count in range(len(clauses), -1, -1):
        bare = Lines(told="", because=", ".join(clauses[:count]), hint=lines.hint)
        found = _longest(partial(_telling, bare), lines.told, most)
        if len(found.told) >= min(LEAST, len(lines.told)):
            break
    return found.text()


def _telling(bare: Lines, told: str) -> Lines:
    return replace(bare, told=told)


def _versions(lines: Lines) -> Iterator[Lines]:
    """Ever less, as long as what is wrong stays whole."""
    yield lines
    # Most of the reason is better than none, and a half-sentence is no reason.
    words = lines.why.split()
    for count in range(len(words) - 1, 4, -1):
        yield replace(lines, why=" ".join(words[:count]) + "...")
    yield replace(lines, why="")
    if lines.acts:
        yield replace(lines, why="", facts="")
    yield replace(lines, why="", link="")
    yield replace(lines, why="", link="", facts="")
    yield replace(lines, why="", link="", facts="", caution="")


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
