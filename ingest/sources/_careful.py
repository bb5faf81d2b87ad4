"""Splits a doubtful body into alerts, each with its original bytes and what is wrong with it.

It takes more than JSON allows (NaN, raw control characters, bytes that are no UTF-8), because only
what can be told apart can be refused one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from tocsin import errors

MAX_ALERTS = 10_000
#: Values in a body that is read whole: each costs a hundred bytes or more, however short it is.
MAX_VALUES = 400_000
_DIGITS = 40
_SPACE = re.compile(r"[ \t\r\n]*")


class Element(NamedTuple):
    """One alert: its value, its bytes, and a flaw that concerns all of it ("" if there is none)."""

    value: Any
    raw: bytes
    flaw: str


class Doubled(dict[str, Any]):
    """An object in which the key `name` stands twice."""

    name: str


class Number(float):
    """A number, never computed: `text` is how it stood there, as far as it is worth keeping."""

    __slots__ = ("text",)
    text: str


class _Reader:
    """Decodes one value after another and remembers what JSON does not know."""

    def __init__(self, text: str) -> None:
        self.text, self.flaw = text, ""
        self._decoder = json.JSONDecoder(
            strict=False,
            object_pairs_hook=_object,
            parse_constant=self._constant,
            # A number is at most shown, and int() refuses long ones.
            parse_int=_number,
            parse_float=_number,
        )

    def value(self, at: int) -> tuple[Any, int]:
        """The value that begins at `at`, and where it ends."""
        self.flaw = ""
        value, end = self._decoder.raw_decode(self.text, at)
        return value, self.space(end)

    def space(self, at: int) -> int:
        """The first place from `at` on that is no white space."""
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def sign(self, at: int) -> str:
        return self.text[at : at + 1]

    def _constant(self, name: str) -> None:
        self.flaw = f"{name} is not JSON"


def elements(body: bytes, *, single: bool = False) -> Iterator[Element]:
    """The alerts of a list, or of the list `alerts` in an object.

    With `single`, an object without such a list is one alert. Raises BadRequest where the body
    ends too early, goes on too long or is something else; TooLarge above MAX_ALERTS or MAX_VALUES.
    """
    limit(body)
    reader = _Reader(_text(body))
    start = reader.space(0)
    try:
        if reader.sign(start) == "[":
            end = yield from _list(reader, start)
        elif reader.sign(start) == "{":
            end = yield from _document(reader, start, single)
        else:
            raise _unreadable("a JSON array or object was expected")
        if end != len(reader.text):
            raise _unreadable("something follows after the end of the JSON document")
    except json.JSONDecodeError as error:
        raise _unreadable(f"the body is not JSON: {error.msg} (character {error.pos})") from None
    except RecursionError:
        raise _unreadable("it is nested too deeply") from None


def limit(body: bytes) -> None:
    """Raises TooLarge where reading all of it would take too much memory; counts in strings too."""
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise errors.TooLarge(f"more than {MAX_VALUES} values in one request; send fewer")


def _text(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in body[:4]:
        raise _unreadable("the body must be UTF-8")
    if not body.strip(b" \t\r\n"):
        raise _unreadable("the body is empty")
    return body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _list(reader: _Reader, at: int) -> Generator[Element, None, int]:
    """Yield the elements of the list at `at`; returns where it ends."""
    at = reader.space(at + 1)
    if reader.sign(at) == "]":
        return reader.space(at + 1)
    for count in range(MAX_ALERTS + 1):
        if count == MAX_ALERTS:
            raise errors.TooLarge(f"more than {MAX_ALERTS} alerts in one request; send fewer")
        value, end = reader.value(at)
        raw = reader.text[at:end].encode("utf-8", "surrogateescape").rstrip()
        yield Element(value, raw, reader.flaw)
        if reader.sign(end) == "]":
            break
        at = _expect(reader, end, ",")
    return reader.space(end + 1)


def _document(reader: _Reader, start: int, single: bool) -> Generator[Element, None, int]:
    """Yield the elements of `alerts` in the object at `start`; returns where the object ends."""
    seen, flaw = False, ""
    others: list[tuple[str, Any]] = []
    at = reader.space(start + 1)
    while reader.sign(at) != "}":
        key, at = _key(reader, at)
        if key == "alerts" and reader.sign(at) == "[":
            if seen:
                raise _unreadable("`alerts` stands twice")
            seen = True
            at = yield from _list(reader, at)
        else:
            value, at = reader.value(at)
            others.append((key, value))
            flaw = flaw or reader.flaw
        at = _next_member(reader, at)
    if not seen:
        if not single:
            raise _unreadable("it has no list `alerts`")
        raw = reader.text[start : at + 1].encode("utf-8", "surrogateescape")
        yield Element(_object(others), raw, flaw)
    return reader.space(at + 1)


def _key(reader: _Reader, at: int) -> tuple[Any, int]:
    """The key at `at`, and where its value begins."""
    if reader.sign(at) != '"':
        raise json.JSONDecodeError("a key was expected", reader.text, at)
    key, at = reader.value(at)
    return key, _expect(reader, at, ":")


def _next_member(reader: _Reader, at: int) -> int:
    """Where the next key or the closing brace is."""
    if reader.sign(at) == "}":
        return at
    at = _expect(reader, at, ",")
    if reader.sign(at) == "}":
        raise json.JSONDecodeError("a key was expected", reader.text, at)
    return at


def _expect(reader: _Reader, at: int, sign: str) -> int:
    if reader.sign(at) != sign:
        raise json.JSONDecodeError(f"{sign!r} was expected", reader.text, at)
    return reader.space(at + 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = Doubled(found)
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            doubled.name = name
        seen.add(name)
    return doubled


def _number(digits: str) -> Number:
    number = Number()
    number.text = digits[:_DIGITS]
    return number


def _unreadable(what: str) -> errors.BadRequest:
    return errors.BadRequest(f"nothing could be read: {what}")
