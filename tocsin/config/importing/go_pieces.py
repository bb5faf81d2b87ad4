"""Go's templates taken apart: text and actions, with the space that `{{-` eats, and definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Possessive, and each alternative begins with another character: nothing is tried twice.
_ACTION = re.compile(
    r"""\{\{((?:"(?:\\.|[^"\\\n])*+"|`[^`]*+`|/\*(?:[^*]|\*(?!/))*+\*/|/(?!\*)|\}(?!\})|[^"`/}])*+)\}\}"""
)
#: Largest template that is looked at.
_LARGEST = 200_000
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<number>-?\d+)"""
    r"""|(?P<variable>\$\w*)|(?P<field>\.\w+)|(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign>:=|[|(),=]))"""
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Unsupported(Exception):
    """Something for which our templates have no words; the message says what."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it is, or an action in tokens."""

    text: str = ""
    tokens: tuple[Token, ...] | None = None

    @property
    def word(self) -> str:
        """What the action begins with."""
        return self.tokens[0].text if self.tokens else ""


Defined = Mapping[str, tuple[Piece, ...]]


@dataclass(slots=True)
class Files:
    """The definitions of template files, and what is wrong with those that cannot be read."""

    defined: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def pieces(source: str) -> tuple[Piece, ...]:
    """Raises Unsupported for what cannot be taken apart."""
    if len(source) > _LARGEST:
        raise Unsupported(f"a template of more than {_LARGEST:,} characters")
    found: list[Piece] = []
    at, trim = 0, False
    while (start := source.find("{{", at)) >= 0:
        text = source[at:start]
        action = _ACTION.match(source, start)
        if not action:
            raise Unsupported("`{{` that nothing closes")
        text = text.lstrip() if trim else text
        inner = action[1]
        before, trim = inner[:1] == "-" and inner[1:2].isspace(), inner[-1:] == "-"
        found.append(Piece(text.rstrip() if before else text))
        at, inner = action.end(), inner[before : -1 if trim else None]
        if not inner.lstrip().startswith("/*"):
            found.append(Piece(tokens=_tokens(inner)))
    rest = source[at:]
    found.append(Piece(rest.lstrip() if trim else rest))
    return tuple(each for each in found if each.text or each.tokens is not None)


def definitions(files: Mapping[str, str]) -> Files:
    """What template files define by `define`, later ones in place of earlier ones."""
    made = Files()
    for name, source in files.items():
        try:
            _define(pieces(source), made.defined)
        except Unsupported as error:
            made.problems.append((name, str(error)))
    return made


def _define(some: tuple[Piece, ...], defined: dict[str, tuple[Piece, ...]]) -> None:
    body: list[Piece] = []
    name, depth = "", 0
    for piece in some:
        if depth == 0 and piece.word == "define" and piece.tokens and len(piece.tokens) == 2:
            name, body, depth = unquoted(piece.tokens[1].text), [], 1
            continue
        if not depth:
            continue
        depth += (piece.word in ("if", "range", "with", "block", "define")) - (piece.word == "end")
        if depth:
            body.append(piece)
        else:
            defined[name] = tuple(body)


def unquoted(text: str) -> str:
    """What a string of Go says."""
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])


def _tokens(action: str) -> tuple[Token, ...]:
    made: list[Token] = []
    at, end = 0, len(action.rstrip())
    while at < end:
        found = _TOKEN.match(action, at)
        if not found or found.lastgroup is None:
            raise Unsupported(f"`{action.strip()[:60]}`")
        kind, text = found.lastgroup, found[found.lastgroup]
        # `.a .b` are two arguments, `.a.b` and `$.a` and `(...).b` are one.
        if kind == "field" and not action[at : found.start(kind)] and made:
            kind = "deeper" if made[-1].text[-1:] not in ("|", "(", ",", "=") else kind
        made.append(Token(kind, text))
        at = found.end()
    return tuple(made)
