"""Pipelines of Go's templates: operands, functions, pipes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tocsin.config.importing import go_values as values
from tocsin.config.importing.go_pieces import Token, Unsupported, unquoted
from tocsin.config.importing.go_values import Value

_COMPARED = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_SAME = ("safeHtml", "safeUrl", "safeHTML", "trimSpace", "print", "html", "js")
_VERB = re.compile(r"%(.)")
#: Deepest nesting of brackets.
_DEPTH = 30


@dataclass(frozen=True, slots=True)
class Scope:
    """What the dot and the variables mean."""

    dot: Value
    variables: Mapping[str, Value]
    loops: int = 0


def evaluated(tokens: Sequence[Token], scope: Scope, depth: int = 0) -> Value:
    """The value of a pipeline. Raises Unsupported."""
    if depth > _DEPTH:
        raise Unsupported("brackets that are nested too deeply")
    piped: Value | None = None
    for command in _split(tokens):
        if not command:
            raise Unsupported("an empty pipeline")
        piped = _command(command, piped, scope, depth)
    assert piped is not None
    return piped


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    """The commands between the pipes that are not within brackets."""
    found: list[list[Token]] = [[]]
    open = 0
    for token in tokens:
        sign = token.text if token.kind == "sign" else ""
        open += (sign == "(") - (sign == ")")
        if sign == "|" and not open:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _command(command: list[Token], piped: Value | None, scope: Scope, depth: int) -> Value:
    if command[0].kind == "word" and command[0].text not in ("true", "false"):
        operands = _operands(command[1:], scope, depth)
        return _called(command[0].text, operands + ([piped] if piped else []))
    # A method with an argument, as in .StartsAt.Format "15:04".
    if command[-1].kind == "text" and len(command) > 2 and command[-2].text == ".Format":
        [moment] = _operands(command[:-2], scope, depth) or [scope.dot]
        return values.dated(values.literal(unquoted(command[-1].text)), moment)
    operands = _operands(command, scope, depth)
    if len(operands) != 1 or piped:
        raise Unsupported("a value that is called like a function")
    return operands[0]


def _operands(tokens: Sequence[Token], scope: Scope, depth: int) -> list[Value]:
    found: list[Value] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "deeper":
            if not found:
                raise Unsupported(f"`{token.text}`")
            found[-1] = values.member(found[-1], token.text[1:])
        elif token.text == "(" and token.kind == "sign":
            end = _closing(tokens, at)
            found.append(evaluated(tokens[at + 1 : end], scope, depth + 1))
            at = end
        else:
            found.append(_operand(token, scope))
        at += 1
    return found


def _operand(token: Token, scope: Scope) -> Value:
    if token.kind == "field":
        return values.member(scope.dot, token.text[1:])
    if token.kind == "dot":
        return scope.dot
    if token.kind == "variable" and token.text in scope.variables:
        return scope.variables[token.text]
    if token.kind == "text":
        return values.literal(unquoted(token.text))
    if token.kind == "number" and len(token.text) < 12:
        return Value("number", str(int(token.text)))
    if token.text in ("true", "false"):
        return Value("truth", token.text)
    raise Unsupported(f"`{token.text[:40]}`")


def _closing(tokens: Sequence[Token], at: int) -> int:
    open = 0
    for end in range(at, len(tokens)):
        sign = tokens[end].text if tokens[end].kind == "sign" else ""
        open += (sign == "(") - (sign == ")")
        if not open:
            return end
    raise Unsupported("a bracket that nothing closes")


def _called(name: str, given: list[Value]) -> Value:
    if name in _COMPARED and len(given) == 2:
        first, second = map(values.shown, given)
        return Value("truth", f"({first} {_COMPARED[name]} {second})")
    if name in _SAME and len(given) == 1:
        return given[0]
    if name in ("and", "or") and given:
        return Value("truth", f"({f' {name} '.join(map(values.truth, given))})")
    if name == "printf" and given and given[0].kind == "literal":
        return _printed(given[0].extra, given[1:])
    count, function = _FUNCTIONS.get(name, (-1, None))
    if function is None or count not in (len(given), 0) or not given:
        raise Unsupported(f"the function `{name}`")
    return function(given)


def _printed(form: str, given: list[Value]) -> Value:
    """Texts one behind the other."""
    verbs = [found[1] for found in _VERB.finditer(form)]
    if len(verbs) != len(given) or any(verb not in "sdvq" for verb in verbs) or "q" in verbs:
        raise Unsupported(f"`printf` with `{form[:40]}`")
    made: list[str] = []
    rest = iter(given)
    for at, text in enumerate(_VERB.split(form)):
        if at % 2:
            made.append(values.shown(next(rest)))
        elif text:
            made.append(values.literal(text).code)
    return Value("text", f"({' ~ '.join(made)})") if made else values.literal("")


def _index(given: list[Value]) -> Value:
    whole, key = given
    if whole.kind == "labels" and key.kind == "literal":
        return values.entry(whole, key.extra)
    if whole.kind == "alerts" and not whole.extra and key.kind == "number":
        return Value("alert", f"{whole.code}[{key.code}]")
    raise Unsupported("`index` of that")


def _joined(given: list[Value]) -> Value:
    if given[0].kind != "literal" or given[1].kind not in ("names", "values"):
        raise Unsupported("`join` of that")
    which = "name" if given[1].kind == "names" else "value"
    return Value("joined", f"{which} {given[1].code}", given[0].extra)


def _zoned(given: list[Value]) -> Value:
    if given[0].kind != "literal" or given[1].kind != "moment":
        raise Unsupported("`tz` of that")
    return Value("moment", given[1].code, given[0].extra)


def _since(given: list[Value]) -> Value:
    if given[0].kind != "moment":
        raise Unsupported("`since` of that")
    return Value("text", f"{given[0].code}|since")


#: How many arguments (0: any number), and what it makes of them.
_FUNCTIONS: dict[str, tuple[int, Callable[[list[Value]], Value]]] = {
    "toUpper": (1, lambda given: values.worded(given[0], "upper")),
    "toLower": (1, lambda given: values.worded(given[0], "lower")),
    "title": (1, lambda given: values.worded(given[0], "title")),
    "len": (1, lambda given: values.counted(given[0])),
    "not": (1, lambda given: Value("truth", f"(not {values.truth(given[0])})")),
    "eq": (0, lambda given: values.same(given[0], given[1:], differs=False)),
    "ne": (2, lambda given: values.same(given[0], given[1:], differs=True)),
    "index": (2, _index),
    "join": (2, _joined),
    "date": (2, lambda given: values.dated(given[0], given[1])),
    "tz": (2, _zoned),
    "since": (1, _since),
}
