"""Alertmanager's matcher language: the one way in which people say which alerts they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast, get_args

import re2

from tocsin.domain import matcher_syntax as syntax

Op = Literal["=", "!=", "=~", "!~"]
OPS: tuple[str, ...] = get_args(Op)

#: Longest regular expression, in bytes of UTF-8.
MAX_REGEX = 1024

#: Only answers for values up to this length are remembered, which bounds the memory to a few MB.
_REMEMBER = 256
#: How much of a text an error repeats.
_SHOWN = 200

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

_SPACE = re.compile(r"\s*")
_BARE_NAME = re.compile(r"""[^\s{}!=~,"'`\\]+""")
_OPERATOR = re.compile(r"=~|!~|!=|=(?!=)")
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True, slots=True, order=True)
class Matcher:
    """One condition on one label; a label that is not there counts as empty.

    A regular expression has RE2's syntax and must match the whole value. Raises ValueError if it
    is not valid or too long, if the name is empty or the operator unknown.
    """

    name: str
    op: Op
    value: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("the label name of a matcher must not be empty")
        if self.op not in OPS:
            raise ValueError(f"unknown operator {self.op!r}: use one of {' '.join(OPS)}")
        if self.op in ("=~", "!~"):
            _compile(self.value)

    def __str__(self) -> str:
        name = self.name if _BARE_NAME.fullmatch(self.name) else _quote(self.name)
        return f"{name}{self.op}{_quote(self.value)}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil this condition."""
        value = labels.get(self.name, "")
        if self.op == "=":
            return value == self.value
        if self.op == "!=":
            return value != self.value
        return _fits(self.value, value) is (self.op == "=~")


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether the labels fulfil all the conditions (no condition: yes)."""
    return all(matcher.matches(labels) for matcher in matchers)


def pinned(matchers: Iterable[Matcher]) -> tuple[str, str] | None:
    """A label with its value that any labels must have themselves to match, to file these under.

    An empty value may also be absent, so it is none.
    """
    for matcher in matchers:
        if matcher.op == "=" and matcher.value:
            return matcher.name, matcher.value
    return None


def regex(pattern: str) -> Any:
    """A user's expression, compiled by RE2 over bytes. Raises ValueError as a matcher does."""
    return _compile(pattern)


def render(matchers: Iterable[Matcher]) -> str:
    """The canonical text of a list: sorted, in braces; equal lists give equal text."""
    return "{" + ",".join(str(matcher) for matcher in sorted(matchers)) + "}"


def parse(text: str) -> Matcher:
    """Read one matcher, such as `foo="bar"`, `foo=bar` or `"any name"=~"a|b"`.

    As Alertmanager does: its classic way counts where both of its ways can read the text. A value
    without quotes goes to the end of the text, as amtool sends it. Raises ValueError that says
    where and what was expected.
    """
    if not text.startswith("{") and not text.endswith("}"):
        for way in (syntax.classic, syntax.utf8):
            if found := _tried(way, text):
                return found[0]
    matcher, end = _matcher(text, _skip(text, 0), last=True)
    if end != len(text):
        raise _bad(text, end, "the end")
    return matcher


def parse_list(text: str) -> tuple[Matcher, ...]:
    """Read matchers with commas between them, with or without the braces around: `{a="b",c=~d}`.

    A comma at the end is allowed. Raises ValueError as `parse` does.
    """
    if (read := _agreed(text.strip())) is not None:
        return read
    at, end = _skip(text, 0), len(text.rstrip())
    if braced := text.startswith("{", at):
        at = _skip(text, at + 1)
        if end <= at - 1 or not text.endswith("}", 0, end):
            raise _bad(text, end, "a closing brace '}'")
        end -= 1
    found = []
    inner = text[:end].rstrip()
    while at < len(inner):
        matcher, at = _matcher(inner, at, last=False)
        found.append(matcher)
        if at < len(inner):
            if inner[at] != ",":
                raise _bad(text, at, "a comma or the end")
            at = _skip(inner, at + 1)
    if not found and not braced:
        raise _bad(text, 0, "a label name")
    return tuple(found)


def doubt(text: str) -> str | None:
    """What is to be said of matchers that the two ways of Alertmanager do not read alike.

    None: they do, or only the new way can read them, or none can.
    """
    inside = text.strip()
    classic, utf8 = _tried(syntax.classic_list, inside), _tried(syntax.utf8_list, inside)
    if not classic or classic == utf8:
        return None
    meant = render(classic)
    if utf8 is None:
        return f"newer Alertmanagers cannot read `{_shorten(text)}`: write `{meant}`"
    return (
        f"`{_shorten(text)}` can be read in two ways: it is taken as `{meant}`, as Alertmanager"
        f" does; a newer one may read `{render(utf8)}`"
    )


def _agreed(text: str) -> tuple[Matcher, ...] | None:
    """What Alertmanager reads; None: nothing, or braces that do not match, which it forgives."""
    if text in ("", "{") or text.startswith("{") is not text.endswith("}"):
        return None
    read = _tried(syntax.classic_list, text)
    return _tried(syntax.utf8_list, text) if read is None else read


def _tried(way: Callable[[str], Sequence[syntax.Triple]], text: str) -> tuple[Matcher, ...] | None:
    """What this way reads; None: it cannot."""
    try:
        return tuple(Matcher(name, cast(Op, op), value) for name, op, value in way(text))
    except ValueError:
        return None


def _matcher(text: str, at: int, *, last: bool) -> tuple[Matcher, int]:
    """One matcher from `at` on, and where it and the space behind it end."""
    if text.startswith('"', at):
        name, at = _quoted(text, at)
    elif bare := _BARE_NAME.match(text, at):
        name, at = bare[0], bare.end()
    else:
        raise _bad(text, at, "a label name")
    at = _skip(text, at)
    if not name:
        raise _bad(text, at, "a label name that is not empty")
    if not (operator := _OPERATOR.match(text, at)):
        raise _bad(text, at, "one of = != =~ !~ after the label name")
    at = _skip(text, operator.end())
    if text.startswith('"', at):
        value, at = _quoted(text, at)
    else:
        value, at = _bare(text, at, last=last)
    try:
        return Matcher(name, cast(Op, operator[0]), value), _skip(text, at)
    except ValueError as error:
        raise ValueError(f"bad matcher format: {_shorten(text)}: {error}") from error


def _bare(text: str, at: int, *, last: bool) -> tuple[str, int]:
    """A value without quotes: to the end, or in a list to the next comma."""
    end = len(text) if last or (comma := text.find(",", at)) < 0 else comma
    if (quote := text.find('"', at, end)) >= 0:
        raise _bad(text, quote, 'no quote inside a value that does not begin with one (or \\")')
    return text[at:end].rstrip(), end


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The string that begins with the quote at `at`, and the position behind its end.

    An unknown escape stays as it stands, so that `"\\d+"` is the expression that it looks like.
    """
    out: list[str] = []
    start = at
    at += 1
    while at < len(text):
        char = text[at]
        if char == '"':
            return "".join(out), at + 1
        if char == "\\" and at + 1 < len(text):
            at += 1
            out.append(_ESCAPES.get(text[at], "\\" + text[at]))
        else:
            out.append(char)
        at += 1
    raise _bad(text, at, f"a closing quote for the one at position {start + 1}")


def _skip(text: str, at: int) -> int:
    return cast("re.Match[str]", _SPACE.match(text, at)).end()


def _quote(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'


def _bad(text: str, at: int, expected: str) -> ValueError:
    return ValueError(
        f"bad matcher format: {_shorten(text)}: expected {expected} at position {at + 1}"
    )


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> Any:
    encoded = pattern.encode("utf-8", "replace")
    if len(encoded) > MAX_REGEX:
        raise ValueError(
            f"the regular expression is {len(encoded)} bytes long, more than {MAX_REGEX}: "
            "split it over several routes or silences"
        )
    try:
        return re2.compile(encoded, _OPTIONS)
    except re2.error as error:
        reason = error.args[0]
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"bad regular expression: {said}{_hint(said)}") from None


def _hint(said: str) -> str:
    if "perl operator" in said:
        return " (RE2 has no look-ahead and no look-behind: use != or !~ instead)"
    if "escape sequence" in said:
        return " (RE2 has no back-references; write a literal backslash as \\\\)"
    if "repetition" in said:
        return " (put a backslash before * + ? or { that is meant literally)"
    if "missing" in said or "unexpected" in said:
        return " (put a backslash before a bracket that is meant literally)"
    return ""


def _fits(pattern: str, value: str) -> bool:
    ask = _remembered if len(value) <= _REMEMBER else _remembered.__wrapped__
    return ask(pattern, value)


@lru_cache(maxsize=8192)
def _remembered(pattern: str, value: str) -> bool:
    return _compile(pattern).fullmatch(value.encode("utf-8", "replace")) is not None
