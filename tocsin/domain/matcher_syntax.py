"""The two ways in which Alertmanager reads matchers: its new one for UTF-8, and the classic one.

Both give (name, operator, value) for each matcher, or raise ValueError. Which of them counts is
decided by `tocsin.domain.matchers`.
"""

from __future__ import annotations

import re

Triple = tuple[str, str, str]

_CLASSIC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.DOTALL)
_CLASSIC_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_SPACE = re.compile(r"\s*")
_BARE = re.compile(r"""[^\s{}!=~,"'`\\]+""")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
#: What a string of the Go language may hold behind a backslash.
_ESCAPE = re.compile(
    r'\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))',
    re.DOTALL,
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
          "\\": "\\", '"': '"'}  # fmt: skip


def classic(text: str) -> list[Triple]:
    """One matcher as Alertmanager read it before 0.27, and still does where the new way fails."""
    return [_classic(text)]


def _classic(text: str) -> Triple:
    found = _CLASSIC.fullmatch(text)
    if not found:
        raise ValueError("not a matcher")
    name, operator, raw = found.groups()
    quoted = raw.startswith('"')
    raw = raw[1:] if quoted else raw
    value, closed, at = "", not quoted, 0
    while at < len(raw):
        char, last = raw[at], at == len(raw) - 1
        if char == "\\" and not last:
            at += 1
            value += _CLASSIC_ESCAPES.get(raw[at], "\\" + raw[at])
        elif char == '"':
            if closed or not last:
                raise ValueError("a quote inside the value")
            closed = True
        else:
            value += char
        at += 1
    if not closed:
        raise ValueError("the quote is not closed")
    return name, operator, value


def classic_list(text: str) -> list[Triple]:
    """Matchers with commas between them, with braces around or without."""
    inner = text.removeprefix("{").removesuffix("}")
    tokens, start, quoted, escaped = [], 0, False, False
    for at, char in enumerate(inner):
        if char == "," and not quoted:
            tokens.append(inner[start:at])
            start = at + 1
        elif char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and not escaped
    if last := inner[start:].strip():
        tokens.append(last)
    return [_classic(token) for token in tokens]


def utf8(text: str) -> list[Triple]:
    """One matcher as Alertmanager reads it since 0.27."""
    if text.lstrip().startswith("{"):
        raise ValueError("one matcher has no braces")
    found = utf8_list(text)
    if len(found) != 1:
        raise ValueError("not one matcher")
    return found


def utf8_list(text: str) -> list[Triple]:
    """Matchers with commas between them, with braces around or without."""
    inner = text.strip()
    if inner.startswith("{") != inner.endswith("}") or inner == "{":
        raise ValueError("a brace is missing")
    inner = inner[1:-1] if inner.startswith("{") else inner
    found: list[Triple] = []
    at = _skip(inner, 0)
    while at < len(inner):
        name, at = _word(inner, at)
        operator = _OPERATOR.match(inner, at)
        if not operator:
            raise ValueError("no operator")
        value, at = _word(inner, _skip(inner, operator.end()))
        found.append((name, operator[0], value))
        if at < len(inner):
            if inner[at] != ",":
                raise ValueError("no comma")
            at = _skip(inner, at + 1)
    return found


def _word(text: str, at: int) -> tuple[str, int]:
    """A word, bare or as a string, from `at` on, and where it and the space behind it end."""
    if string := _STRING.match(text, at):
        return _unquoted(string[0]), _skip(text, string.end())
    if bare := _BARE.match(text, at):
        return bare[0], _skip(text, bare.end())
    raise ValueError("no word")


def _unquoted(string: str) -> str:
    """What a string of the Go language says. Raises ValueError where it is none."""
    out, at, inner = bytearray(), 0, string[1:-1]
    for escape in _ESCAPE.finditer(inner):
        out += inner[at : escape.start()].encode("utf-8", "surrogatepass")
        out += _escaped(escape)
        at = escape.end()
    out += inner[at:].encode("utf-8", "surrogatepass")
    return out.decode("utf-8", "surrogatepass")


def _escaped(escape: re.Match[str]) -> bytes:
    plain, byte, octal, short, long, other = escape.groups()
    if plain:
        return _PLAIN[plain].encode()
    if byte or octal:
        number = int(byte, 16) if byte else int(octal, 8)
        if number > 0xFF:
            raise ValueError("not a byte")
        return bytes([number])
    if other is not None:
        raise ValueError(f"\\{other} is no escape")
    number = int(short or long, 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise ValueError("not a character")
    return chr(number).encode()


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
