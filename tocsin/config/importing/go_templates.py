"""Go's templates as ours: what is common is translated, all else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tocsin.config.importing import go_pieces
from tocsin.config.importing import go_values as values
from tocsin.config.importing.go_expressions import Scope, evaluated
from tocsin.config.importing.go_pieces import Defined, Piece, Token, Unsupported
from tocsin.config.importing.go_values import Value

#: Deepest nesting of blocks and definitions, and how many pieces are gone through in all.
_DEPTH, _PIECES = 40, 4_000
_ADDRESS = re.compile(r"[\w.]+(\[\"[^\"]*\"\])?")
#: What comes before a value that is an address, by form.
_LINKED = {"mrkdwn": re.compile(r"<$"), "html": re.compile(r"(href|src)\s*=\s*\"$")}
_HEADLINE = re.compile(r"__subject|[\w.]+\.default\.(title|subject|summary)")
_TITLE = '[{{ "RESOLVED" if over else "FIRING:" ~ firing }}] {{ title }}'
#: Those of Alertmanager's own templates that say nothing.
_EMPTY = re.compile(r"slack\.default\.(text|pretext|fallback|footer|iconemoji|iconurl|fields)")
_DEFAULT = re.compile(r"\s*\{\{-?\s*template\s+\"((?:__|\w+\.default\.)\w+)\"\s+\.\s*-?\}\}\s*")


def is_default(source: str, defined: Defined) -> bool:
    """Whether it is just one of Alertmanager's own templates."""
    found = _DEFAULT.fullmatch(source)
    return bool(found) and found[1] not in defined if found else False


def translated(source: str, form: str, defined: Defined) -> str:
    """The text of a part of ours. Raises Unsupported, which says what has no counterpart."""
    work = _Work(form, defined)
    scope = Scope(values.ROOT, {"$": values.ROOT})
    end = work.block(go_pieces.pieces(source), 0, scope, 0)
    if end is not None:
        raise Unsupported("`{{ end }}` or `{{ else }}` that belongs to nothing")
    return "".join(work.out)


@dataclass(slots=True)
class _Work:
    """The text as far as it is made; one template at a time."""

    form: str
    defined: Defined
    out: list[str] = field(default_factory=list)
    gone: int = 0

    def block(self, some: Sequence[Piece], at: int, scope: Scope, depth: int) -> int | None:
        """Translate up to the `end` or `else` of this block; returns where that is."""
        if depth > _DEPTH:
            raise Unsupported("blocks that are nested too deeply")
        while at < len(some):
            piece = some[at]
            self.gone += 1
            if self.gone > _PIECES:
                raise Unsupported("definitions that grow too large")
            if piece.tokens is None:
                self._text(piece.text)
            elif piece.word in ("end", "else"):
                return at
            elif piece.word in ("if", "with", "range"):
                at = self._opened(some, at, scope, depth)
            elif piece.word in ("template", "block", "define", "break", "continue"):
                self._inlined(piece, scope, depth)
            else:
                scope = self._action(piece.tokens, scope)
            at += 1
        return None

    def _opened(self, some: Sequence[Piece], at: int, scope: Scope, depth: int) -> int:
        """A block with all its branches; returns where its `end` is."""
        word, tokens = some[at].word, (some[at].tokens or ())[1:]
        head, inner = _entered(word, tokens, scope)
        self._tag(f"{{% {head} %}}")
        end = self.block(some, at + 1, inner, depth + 1)
        while end is not None and some[end].word == "else":
            rest = (some[end].tokens or ())[1:]
            if rest and rest[0].text == "if" and word != "range":
                self._tag(f"{{% elif {values.truth(evaluated(rest[1:], scope))} %}}")
            elif rest:
                raise Unsupported(f"`else {rest[0].text}`")
            else:
                self._tag("{% else %}")
            end = self.block(some, end + 1, scope, depth + 1)
        if end is None:
            raise Unsupported(f"`{word}` without an `end`")
        self._tag("{% endfor %}" if word == "range" else "{% endif %}")
        return end

    def _inlined(self, piece: Piece, scope: Scope, depth: int) -> None:
        tokens = piece.tokens or ()
        if piece.word != "template" or len(tokens) < 2 or tokens[1].kind != "text":
            raise Unsupported(f"`{piece.word}`")
        name = go_pieces.unquoted(tokens[1].text)
        if name in self.defined:
            given = evaluated(tokens[2:], scope) if tokens[2:] else values.ROOT
            inner = Scope(given, {"$": given}, scope.loops)
            if self.block(self.defined[name], 0, inner, depth + 1) is not None:
                raise Unsupported(f"the definition of `{name}`")
        elif _HEADLINE.fullmatch(name):
            self._tag(_TITLE)
        elif name == "__alertmanagerURL":
            self._tag("{{ url }}")
        elif not _EMPTY.fullmatch(name):
            raise Unsupported(f"the template `{name}`, which is not among the template files")

    def _action(self, tokens: tuple[Token, ...], scope: Scope) -> Scope:
        if not tokens:
            raise Unsupported("an empty action")
        if len(tokens) > 2 and tokens[0].kind == "variable" and tokens[1].text in (":=", "="):
            if tokens[1].text == "=":
                raise Unsupported("a variable that is changed")
            known = {**scope.variables, tokens[0].text: evaluated(tokens[2:], scope)}
            return replace(scope, variables=known)
        value = evaluated(tokens, scope)
        if value.kind == "joined":
            self._joined(value, scope)
            return scope
        if value.kind == "literal":
            self._text(value.extra)
            return scope
        code = values.shown(value)
        before = self.out[-1] if self.out else ""
        linked = self.form in _LINKED and _LINKED[self.form].search(before[-200:])
        self._tag(f"{{{{ {code}|url }}}}" if linked and _ADDRESS.fullmatch(code) else
                  f"{{{{ {code} }}}}")  # fmt: skip
        return scope

    def _joined(self, value: Value, scope: Scope) -> None:
        if scope.loops:
            raise Unsupported("a loop within a loop")
        which, code = value.code.split(" ", 1)
        self._tag(f"{{% for name, value in {code}|items %}}{{% if not loop.first %}}")
        self._text(value.extra)
        self._tag(f"{{% endif %}}{{{{ {which} }}}}{{% endfor %}}")

    def _text(self, text: str) -> None:
        if "{%" in text or "{#" in text or "{{" in text:
            raise Unsupported("a text with `{%`, `{#` or `{{` in it")
        if text:
            self.out.append(text)

    def _tag(self, text: str) -> None:
        if self.out and self.out[-1].endswith("{"):
            raise Unsupported("`{` just before a value")
        self.out.append(text)


def _entered(word: str, tokens: Sequence[Token], scope: Scope) -> tuple[str, Scope]:
    """The tag that opens a block, and what holds inside of it."""
    names, rest = _declared(tokens)
    value = evaluated(rest, scope)
    if word == "range":
        return _looped(value, names, scope)
    known: Mapping[str, Value] = {**scope.variables, **dict.fromkeys(names, value)}
    inner = replace(scope, variables=known, dot=value if word == "with" else scope.dot)
    return f"if {values.truth(value)}", inner


def _declared(tokens: Sequence[Token]) -> tuple[list[str], Sequence[Token]]:
    """The variables in front of `:=`, and what comes after it."""
    at = next((at for at, token in enumerate(tokens) if token.text == ":="), None)
    if at is None:
        return [], tokens
    return [token.text for token in tokens[:at] if token.kind == "variable"], tokens[at + 1 :]


def _looped(value: Value, names: list[str], scope: Scope) -> tuple[str, Scope]:
    if scope.loops:
        raise Unsupported("a loop within a loop")
    key: Value
    if value.kind == "alerts":
        which = f' if alert.status == "{value.extra}"' if value.extra else ""
        head, each = f"for alert in alerts{which}", Value("alert", "alert")
        key = Value("number", "(loop.index - 1)")
    elif value.kind in ("labels", "pairs"):
        head = f"for name, value in {value.code}|items"
        pairs = value.kind == "pairs"
        each = Value("pair", "value") if pairs else Value("text", "value")
        key = Value("number", "(loop.index - 1)") if pairs else Value("text", "name")
    else:
        raise Unsupported("a loop over that")
    bound = dict(zip(reversed(names), (each, key), strict=False))
    known = {**scope.variables, **bound}
    return head, Scope(each, known, scope.loops + 1)
