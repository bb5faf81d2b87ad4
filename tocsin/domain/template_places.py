"""Where in a part a value may stand, so that making it harmless for the form is enough.

Escaping is right for one place and wrong for another: a text that is harmless between tags is not
within a script. So values may stand only where the one escaping of their form holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import jinja2

from tocsin.domain import template_syntax

#: An expression that is surely nothing but an address.
_ADDRESS = re.compile(r"[\w.]+(\[(\"[^\"]*\"|'[^']*')\])?\s*\|\s*url")
#: Beginnings of an address after which a value cannot change where it leads.
_ROOTED = re.compile(r"https?://[^/\s\"'<>|{}]+/.*", re.DOTALL)
_LINKS = {"action", "background", "cite", "formaction", "href", "longdesc", "poster", "src"}
_PLAIN = re.compile(r"(alt|title|class|id|lang|dir|align|width|height|content|summary|aria-\w+"
                    r"|data-[\w-]+|role|name|value|bgcolor|color)")  # fmt: skip
#: Elements whose content is no HTML, or which bring other languages along.
_REFUSED = {
    "base", "embed", "form", "frame", "iframe", "link", "math", "noembed", "noframes", "noscript",
    "object", "plaintext", "script", "svg", "template", "textarea", "xmp",
}  # fmt: skip
_RAW = {"style", "title"}
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)\s*=\s*$")


@dataclass(frozen=True)
class Piece:
    """Text of the template itself, or a value ("value"), or a tag of a block ("block")."""

    kind: str
    text: str
    line: int


def problems(form: str, source: str) -> Iterator[template_syntax.Problem]:
    """Values in wrong places; the source has passed ``template_syntax.problems``."""
    checks = {"html": _html, "mrkdwn": _mrkdwn, "json": _json}
    if form in checks:
        yield from checks[form](_pieces(source))


def _pieces(source: str) -> list[Piece]:
    found: list[Piece] = []
    inside, text, start = "", "", 1
    try:
        for line, token, value in template_syntax.grammar().lex(source):
            if token in ("variable_begin", "block_begin"):
                inside, text, start = token, "", line
            elif token in ("variable_end", "block_end"):
                kind = "value" if inside == "variable_begin" else "block"
                found.append(Piece(kind, text.strip(), start))
                inside = ""
            elif inside:
                text += value
            elif token == "data":
                found.append(Piece("data", value, line))
    except jinja2.TemplateSyntaxError:
        return []
    return found


def _json(pieces: list[Piece]) -> Iterator[template_syntax.Problem]:
    """A value is a whole JSON value, so none may stand inside of quotes."""
    quoted = escaped = False
    for piece in pieces:
        if piece.kind != "data" and quoted:
            yield piece.line, "leave out the quotes: a value brings its own; join texts with `~`"
            return
        for char in piece.text if piece.kind == "data" else "":
            if escaped:
                escaped = False
            elif quoted and char == "\\":
                escaped = True
            elif char == '"':
                quoted = not quoted


def _mrkdwn(pieces: list[Piece]) -> Iterator[template_syntax.Problem]:
    """What stands in <...> is a link, or a mention: there only addresses and labels of links."""
    opened: str | None = None
    for piece in pieces:
        if piece.kind == "block" and opened is not None:
            yield piece.line, "write the whole link <...|...> in each branch"
        elif piece.kind == "value" and opened is not None:
            yield from _address(piece, opened, "before the | of a link")
            opened += "x"
        elif piece.kind == "data":
            opened = _within(opened, piece.text)


def _within(opened: str | None, text: str) -> str | None:
    """What stands since the last < that is still open at the end of this text."""
    for char in text:
        if char == "<":
            opened = ""
        elif char in ">|":
            opened = None
        elif opened is not None:
            opened += char
    return opened


def _address(piece: Piece, before: str, where: str) -> Iterator[template_syntax.Problem]:
    if _ROOTED.fullmatch(before) or (not before and _ADDRESS.fullmatch(piece.text)):
        return
    yield piece.line, f"{where} stands an address: write {{{{ name|url }}}}"


class _Html:
    """Where in HTML we are: in text, in a tag, in an attribute, in a comment, in raw text."""

    def __init__(self) -> None:
        self.state, self.tag, self.attribute, self.raw = "text", "", "", ""
        self.refused: set[str] = set()

    def take(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = getattr(self, f"_{self.state}")(text, at)

    def _text(self, text: str, at: int) -> int:
        if self.raw:
            end = re.compile(rf"</{self.raw}(?=[\s/>])", re.IGNORECASE).search(text, at)
            if not end:
                return len(text)
            self.raw, self.state, self.tag = "", "tag", "/"
            return end.end()
        found = text.find("<", at)
        if found < 0:
            return len(text)
        if text.startswith("<!--", found):
            self.state = "comment"
            return found + 4
        # "<" at the end of the data begins a tag too: what follows would be its name.
        if re.match(r"<([a-zA-Z/!?]|$)", text[found : found + 2]):
            self.state, self.tag = "tag", ""
        return found + 1

    def _comment(self, text: str, at: int) -> int:
        found = text.find("-->", at)
        if found < 0:
            return len(text)
        self.state = "text"
        return found + 3

    def _tag(self, text: str, at: int) -> int:
        char = text[at]
        if char == ">":
            self._close()
        elif char in "\"'" and (named := _ATTRIBUTE.search(self.tag)):
            self.state = "single" if char == "'" else "double"
            self.name, self.attribute = named[1].lower(), ""
        self.tag += char
        return at + 1

    def _close(self) -> None:
        self.state = "text"
        name = re.match(r"[^\s/>]*", self.tag)
        tag = name[0].lower() if name else ""
        if tag in _REFUSED:
            self.refused.add(tag)
        self.raw = tag if tag in _RAW else ""

    def _double(self, text: str, at: int) -> int:
        return self._quoted(text, at, '"')

    def _single(self, text: str, at: int) -> int:
        return self._quoted(text, at, "'")

    def _quoted(self, text: str, at: int, quote: str) -> int:
        if text[at] == quote:
            self.state = "tag"
        else:
            self.attribute += text[at]
        return at + 1


def _html(pieces: list[Piece]) -> Iterator[template_syntax.Problem]:
    here = _Html()
    for piece in pieces:
        if piece.kind == "data":
            before = set(here.refused)
            here.take(piece.text)
            for tag in sorted(here.refused - before):
                yield piece.line, f"the tag <{tag}> is not allowed"
        elif here.state == "text" and not here.raw:
            continue
        elif piece.kind == "block":
            yield piece.line, "write whole tags in each branch: no {% ... %} inside of a tag"
            return
        elif here.state in ("double", "single"):
            yield from _attribute(here, piece)
            here.attribute += "x"
        else:
            where = f"<{here.raw}>" if here.raw else "a comment or a tag without quotes"
            yield piece.line, f"no value may stand in {where}"
            return


def _attribute(here: _Html, piece: Piece) -> Iterator[template_syntax.Problem]:
    if here.name in _LINKS:
        yield from _address(piece, here.attribute, f"in `{here.name}`")
    elif not _PLAIN.fullmatch(here.name):
        yield piece.line, f"no value may stand in the attribute `{here.name}`"
